// The browser's engine is duckdb-wasm 1.28.0, because it is the newest release that reads parquet without
// fetching an extension from the internet. That release does not know two settings which Evidence's
// universal-sql applies when it connects, and an unknown setting ends the connection. Both settings only
// soften rules of later releases, so doing without them changes no result here.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const client = fileURLToPath(
	new URL('../node_modules/@evidence-dev/universal-sql/src/client-duckdb/', import.meta.url)
);
const unknownSettings = ['ieee_floating_point_ops', 'old_implicit_casting'];
const mark = '/* throughline: unknown to duckdb-wasm 1.28.0 */';

for (const name of ['browser.js', 'node.js']) {
	const path = client + name;
	let source = readFileSync(path, 'utf8');
	if (source.includes(mark)) continue;

	for (const setting of unknownSettings) {
		const statement = new RegExp(`await connection\\.query\\((['"\`])SET ${setting}\\b[^\\n]*?\\1\\);`);
		if (!statement.test(source)) {
			throw new Error(`${name} of universal-sql no longer sets ${setting}: review this patch`);
		}
		source = source.replace(statement, mark);
	}
	writeFileSync(path, source);
}
