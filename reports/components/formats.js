// Short enough for a sentence or a bar; a table shows the whole amount.
export const SHORT_AMOUNT = '[>=999950]#,##0.0,,"M";[>=1000]#,##0.0,"k";#,##0';
export const AMOUNT = '#,##0';
export const COUNT = '#,##0';
// What rounds to nothing is still not nothing.
export const SHARE = '[=0]0%;[<0.0005]"<0.1%";0.0%';
// The column is a percentage already, so the sign is text and must not multiply by 100.
export const PERCENTAGE = '#,##0.0"%"';
