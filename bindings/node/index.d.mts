// The same types for modules.
export * from './index.js';
