// Short enough for a sentence or a bar; a table shows the whole amount.
export const SHORT_AMOUNT = '[>=999950]#,##0.0,,"M";[>=1000]#,##0.0,"k";#,##0';
export const AMOUNT = '#,##0';
// A format of several parts drops the sign of what is below zero, so such amounts are shown whole.
export const shortFormat = (...amounts) => (amounts.some((amount) => amount < 0) ? AMOUNT : SHORT_AMOUNT);
export const COUNT = '#,##0';
// What rounds to nothing is still not nothing.
export const SHARE = '[=0]0%;[<0.0005]"<0.1%";0.0%';
// A format holds two conditions at most; what rounds to all of something is still not all of it.
export const shareFormat = (share) => (share >= 0.9995 && share < 1 ? '">99.9%"' : SHARE);
// The column is a percentage already, so the sign is text and must not multiply by 100.
export const PERCENTAGE = '#,##0.0"%"';
// What costs little keeps its cents.
export const COST = '[>=100]#,##0;[<0]-#,##0.00;#,##0.00';
export const CHANGE = '+0.0%;-0.0%;0.0%';
export const MEAN = '#,##0.0';
export const HOURS = '#,##0.0" h"';
export const HOUR = '00":00"';
export const DAY = 'd mmm yyyy';
export const MONTH = 'mmm yyyy';
