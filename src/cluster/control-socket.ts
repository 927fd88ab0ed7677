/** Commands from the command line to the running server, over a Unix socket that only its owner may open. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { paths, UserError } from './config.ts';

/** What can be asked, and what is answered. */
export interface ControlCommands {
  /** Saves a snapshot; the answer is its path. */
  snapshot: { request: { directory: string }; answer: { path: string; revision: number } };
}

type Handlers = {
  [C in keyof ControlCommands]: (request: ControlCommands[C]['request']) => Promise<ControlCommands[C]['answer']>;
};

const socketPath = (dataDir: string) => join(paths(dataDir).run, 'control.sock');

/** Serves commands until closed. */
export async function serveControl(dataDir: string, handlers: Handlers): Promise<Server> {
  const path = socketPath(dataDir);
  mkdirSync(paths(dataDir).run, { recursive: true, mode: 0o700 });
  rmSync(path, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('end', () => {
      const run = async () => {
        const { command, request } = JSON.parse(text) as { command: keyof ControlCommands; request: never };
        if (!Object.hasOwn(handlers, command)) throw new Error(`the server does not know the command "${command}"`);
        return { answer: await handlers[command](request) };
      };
      run()
        .catch((error: Error) => ({ error: error.message }))
        .then((result) => socket.end(JSON.stringify(result)));
    });
  });
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(before);
  }
  server.unref();
  return server;
}

/** Asks the running server. */
export function askServer<C extends keyof ControlCommands>(
  dataDir: string,
  command: C,
  request: ControlCommands[C]['request'],
): Promise<ControlCommands[C]['answer']> {
  const path = socketPath(dataDir);
  if (!existsSync(path))
    throw new UserError(`the server does not answer on ${path}; "timonel status" tells whether it runs`);
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('error', (error) => reject(new UserError(`the server does not answer on ${path}: ${error.message}`)));
    socket.on('end', () => {
      const result = JSON.parse(text) as { answer?: ControlCommands[C]['answer']; error?: string };
      if (result.answer) resolve(result.answer);
      else reject(new UserError(result.error ?? 'the server gave no answer'));
    });
    socket.end(JSON.stringify({ command, request }));
  });
}
