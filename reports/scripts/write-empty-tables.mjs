// A source query without rows gets a place in Evidence's manifest but no parquet file, and then every page
// that names the table fails. This writes the missing files, without rows but with their columns, so that
// a warehouse into which only some sources were loaded still makes a site.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';

const template = fileURLToPath(new URL('../.evidence/template/', import.meta.url));
const { renderedFiles } = JSON.parse(readFileSync(join(template, 'static/data/manifest.json'), 'utf8'));
const types = { boolean: 'boolean', date: 'timestamp', number: 'double', string: 'varchar' };

const missing = Object.values(renderedFiles)
	.flat()
	.map((file) => join(template, file))
	.filter((file) => !existsSync(file));

const connection = await (await DuckDBInstance.create(':memory:')).connect();
for (const file of missing) {
	const name = file.slice(dirname(file).length + 1, -'.parquet'.length);
	const schema = JSON.parse(readFileSync(join(dirname(file), `${name}.schema.json`), 'utf8'));
	const columns = schema.map((column) => {
		const type = types[column.evidenceType];
		if (!type) throw new Error(`${name}.${column.name} has the unknown type ${column.evidenceType}`);
		return `null::${type} as "${column.name}"`;
	});
	await connection.run(
		`copy (select ${columns.join(', ')} where false) to '${file.replaceAll("'", "''")}' (format parquet)`
	);
	console.log(`  ${name} has no rows: wrote its columns only`);
}
