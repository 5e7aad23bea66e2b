/**
 * Stands in for the native log writer of VS Code's server (`@vscode/spdlog`), which a set-up without a compiler lacks: without
 * any, output channels stay empty. `test/editor/setup.ts` copies it into the cache folder.
 */
const fs = require('node:fs');
const path = require('node:path');

const names = ['trace', 'debug', 'info', 'warning', 'error', 'critical'];
let globalLevel = 0;

class Logger {
  constructor(_type, _name, file) {
    this.file = file;
    this.level = globalLevel;
    this.bare = false;
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.appendFileSync(file, '');
  }
  write(level, message) {
    if (level < this.level) return;
    const stamp = new Date().toISOString().replace('T', ' ').replace('Z', '');
    fs.appendFileSync(this.file, this.bare ? message : `${stamp} [${names[level]}] ${message}\n`);
  }
  trace(message) { this.write(0, message); }
  debug(message) { this.write(1, message); }
  info(message) { this.write(2, message); }
  warn(message) { this.write(3, message); }
  error(message) { this.write(4, message); }
  critical(message) { this.write(5, message); }
  getLevel() { return this.level; }
  setLevel(level) { this.level = level; }
  setPattern() { this.bare = false; }
  clearFormatters() { this.bare = true; }
  flush() {}
  drop() {}
}

const create = async (name, file) => new Logger('', name, file);
// One assignment a name: only so does an ES module's import of this file see the names.
exports.version = 0;
exports.setLevel = (level) => {
  globalLevel = level;
};
exports.setFlushOn = () => undefined;
exports.Logger = Logger;
exports.createRotatingLogger = create;
exports.createAsyncRotatingLogger = create;
