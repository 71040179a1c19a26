export { default } from '../build/tsup.js';
