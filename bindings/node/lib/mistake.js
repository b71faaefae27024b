// Errors with a code, as Node's own have one.
'use strict';

/**
 * An error of ours. `code` never changes; the text may.
 * @param {string} code
 * @param {string} text what was wanted, what was found, what to do next
 * @param {object} [more] further members
 */
function mistake(code, text, more = {}) {
  const { cause, type = Error, ...members } = more;
  return Object.assign(new type(text, cause === undefined ? undefined : { cause }), { code }, members);
}

/** Opens something compiled; what it is opened with is the program's, so that what is wrong with it is a mistake in an option. */
function opened(open) {
  try {
    return open();
  } catch (error) {
    throw mistake('ERR_COUNTERSIGN_OPTION', error.message, { type: TypeError, cause: error });
  }
}

module.exports = { mistake, opened };
