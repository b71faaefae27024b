// The compiled part: one file a platform, beside this folder.
'use strict';

const { join } = require('node:path');

const name = `countersign-${process.platform}-${process.arch}.node`;

function load() {
  try {
    return require(join(__dirname, '..', 'native', name));
  } catch (error) {
    const why = `wanted native/${name}, and it cannot be loaded (${error.message})`;
    throw new Error(`${why}; build it where the sources are: npm run build`, { cause: error });
  }
}

module.exports = load();
