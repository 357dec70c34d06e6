import { fmt } from '@evidence-dev/component-utilities/formatting';
import { COUNT } from './formats.js';

/** A noun for so many things. @type {(number: number, noun: string) => string} */
export const plural = (number, noun) => (number === 1 ? noun : `${noun}s`);

/** So many things, with their number. @type {(number: number, noun: string) => string} */
export const counted = (number, noun) => `${fmt(number, COUNT)} ${plural(number, noun)}`;
