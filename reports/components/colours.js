// Mid-tones with a contrast of 3:1 or more against both the light and the dark background.
const PALETTE = [
	'#3b82f6',
	'#d9650c',
	'#0d9488',
	'#8b5cf6',
	'#a16207',
	'#db2777',
	'#16a34a',
	'#0891b2',
	'#dc2626',
	'#65a30d'
];
const UNATTRIBUTED = '#8a8f98';

/**
 * Gives each channel one colour, whatever the model and the order of the bars.
 *
 * A colour is a pair, light and dark, because Evidence makes up a dark colour where only one is given.
 *
 * @param {Array<{channel_name: string, channel_label: string, is_attributed: boolean}>} rows
 * @returns {Record<string, [string, string]>} colours by channel label
 */
export function channelColours(rows) {
	const labels = new Map([...rows].map((row) => [row.channel_name, row.channel_label]));
	const attributed = new Set([...rows].filter((row) => row.is_attributed).map((row) => row.channel_name));
	const ordered = [...attributed].sort();
	return Object.fromEntries(
		[...labels].map(([name, label]) => {
			const colour = attributed.has(name) ? PALETTE[ordered.indexOf(name) % PALETTE.length] : UNATTRIBUTED;
			return [label, [colour, colour]];
		})
	);
}

/**
 * Gives each of some names one colour, whatever the order of the lines.
 *
 * @param {string[]} names
 * @returns {Record<string, [string, string]>} colours by name
 */
export function coloursOf(names) {
	return Object.fromEntries(
		[...new Set(names)].sort().map((name, index) => {
			const colour = PALETTE[index % PALETTE.length];
			return [name, [colour, colour]];
		})
	);
}
