// What goes wrong, in words that end with the command to type next.
"use strict";

/** No port was to be had. `hint` is what to type next; `code` is the daemon's stable reason, or `no_daemon`. */
class PortleaseError extends Error {
  constructor(code, message, hint) {
    super(printable(hint ? `${message}\nhint: ${hint}` : message));
    this.name = "PortleaseError";
    this.code = code;
    /** What is wrong, without the hint. */
    this.detail = printable(message);
    this.hint = hint && printable(hint);
  }

  /** From what the daemon answered. */
  static refused(status, problem) {
    const { code = "unknown", detail = `status ${status} without a reason`, hint } = problem ?? {};
    return new PortleaseError(code, detail, hint);
  }
}

/** Others name processes and directories, and may write what a terminal obeys. */
function printable(text) {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) => (c === "\n" ? c : `\\u{${c.codePointAt(0).toString(16)}}`));
}

module.exports = { PortleaseError };
