export { default } from '../../tooling/build/tsup.js';
