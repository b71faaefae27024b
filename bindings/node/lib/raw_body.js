// Reads the body of a request that came in, and leaves it there for whoever reads it next.
'use strict';

const { mistake } = require('./mistake.js');

/** Whether a request has a body, by the two headers that say so (RFC 9112 section 6.3). */
function hasBody(request) {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  return coding !== undefined || (length !== undefined && Number(length) !== 0);
}

/** Whether all of it is here. Requests that a test injects have no parser to say so, but a stream that does. */
function isWhole(request) {
  return request.complete === true || request._readableState?.ended === true;
}

/** Whether somebody has read from it already. */
function isConsumed(request) {
  // Who listens for data already would get it twice, and with an encoding set what comes is no bytes any more.
  return request.readableDidRead || request.readableEnded || request.destroyed || request.readableFlowing === true
    || request.listenerCount('data') > 0 || request.readableEncoding !== null;
}

/**
 * Reads a body whole and puts it back, so that `express.json()` and the like find it as it came.
 * @param {import('node:http').IncomingMessage} request one whose body nobody has read
 * @param {number} limit bytes
 * @param {number} time milliseconds in which it has to be there
 * @returns {Promise<Buffer | 'too-large' | 'too-slow' | 'broken'>}
 */
function readAndPutBack(request, limit, time) {
  const announced = Number(request.headers['content-length']);
  // Who announces too much need not send it.
  if (announced > limit) return Promise.resolve('too-large');
  return new Promise((resolve) => {
    const chunks = [];
    let length = 0;
    const done = (outcome) => {
      clearTimeout(timer);
      request.off('readable', look);
      request.off('error', broken);
      request.off('close', broken);
      // After what listening to the stream has left to be done in the next tick.
      process.nextTick(() => {
        delete request.read;
        resolve(outcome);
      });
    };
    const broken = () => done('broken');
    const timer = setTimeout(() => done('too-slow'), time);
    // Listening makes the stream read for itself, and an empty one that has ended would tell its end to nobody: the next reader would wait
    // for it for ever.
    const { read } = request;
    request.read = (size) => (isWhole(request) && request.readableLength === 0 ? null : read.call(request, size));
    // All that is buffered is taken at once, and never more than that is asked for: a stream that was asked for what it does not have
    // tells its end, and nothing can be put back after that.
    const look = () => {
      if (request.readableLength > 0) {
        const chunk = request.read(request.readableLength);
        if (chunk !== null) {
          length += chunk.length;
          if (length > limit) return done('too-large');
          chunks.push(chunk);
        }
      }
      if (!isWhole(request)) return undefined;
      const whole = Buffer.concat(chunks, length);
      if (length > 0) request.unshift(whole);
      return done(whole);
    };
    request.on('error', broken);
    request.on('close', broken);
    if (isWhole(request)) look();
    else request.on('readable', look);
  });
}

/** The error of a body that is signed, and was read before anybody could look at it. */
function consumed() {
  const text = 'a dialect of this verifier signs the body, and the body was read before; put countersign before express.json() and other parsers';
  return mistake('ERR_COUNTERSIGN_BODY_CONSUMED', text);
}

module.exports = { consumed, hasBody, isConsumed, readAndPutBack };
