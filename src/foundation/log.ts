/** A structured log without secrets: values under telling names and values that look like keys are masked. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export interface LogRecord {
  readonly at: string;
  readonly level: LogLevel;
  readonly scope: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}
export type LogSink = (record: LogRecord) => void;

export interface Log {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** The same sink under a longer scope: `connection` becomes `connection.ssh`. */
  child(scope: string): Log;
}

const secretName = /pass(word|phrase)?$|secret|token|api[_-]?key|private[_-]?key|credential|authorization|cookie|otp/i;
const secretValue = /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{20,}|\bBearer\s+\S+/;
const assignment = /\b([A-Za-z_]*(?:PASSWORD|PASSPHRASE|SECRET|TOKEN|API_?KEY)[A-Za-z_]*)=("[^"]*"|'[^']*'|\S+)/gi;

const deepest = 12;

/** The value with secrets replaced by `***`. What is nested too deep or cannot be read is cut off: a log never fails. */
export function redact(value: unknown, name = '', above: readonly object[] = []): unknown {
  if (secretName.test(name) && value !== undefined && value !== null) return '***';
  if (typeof value === 'string') return secretValue.test(value) ? '***' : value.replace(assignment, '$1=***');
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (above.length >= deepest || above.includes(value)) return '…';
  const path = [...above, value];
  try {
    if (Array.isArray(value)) return value.map((item) => redact(item, '', path));
    if (value instanceof Error) return { name: value.name, message: redact(value.message) };
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, key, path)]));
  } catch {
    return '…';
  }
}

export function createLog(sink: LogSink, scope = 'hpc-agent', minimum: LogLevel = 'debug'): Log {
  const order: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
  const write = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void => {
    if (order.indexOf(level) < order.indexOf(minimum)) return;
    const record = { at: new Date().toISOString(), level, scope, message: String(redact(message)) };
    sink(fields === undefined ? record : { ...record, fields: redact(fields) as Record<string, unknown> });
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    child: (name) => createLog(sink, `${scope}.${name}`, minimum),
  };
}

export const silentLog: Log = createLog(() => undefined);
