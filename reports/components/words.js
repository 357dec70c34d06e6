import { fmt } from '@evidence-dev/component-utilities/formatting';
import { COUNT } from './formats.js';

/** A noun for so many things. @type {(number: number, noun: string) => string} */
export const plural = (number, noun) => {
	if (number === 1) return noun;
	// An opportunity, but a day.
	return /[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`;
};

/** So many things, with their number. @type {(number: number, noun: string) => string} */
export const counted = (number, noun) => `${fmt(number, COUNT)} ${plural(number, noun)}`;
