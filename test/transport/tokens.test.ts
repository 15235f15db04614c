import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tokensOfEndpoint, tokensOfFile } from '../../src/transport/kafka/tokens.js';

describe('tokens of an authorization server', () => {
  let server: Server;
  let url: string;
  let asked: { authorization: string; body: string }[] = [];
  let answer: { status: number; body: string };

  beforeAll(async () => {
    server = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        asked.push({ authorization: String(request.headers.authorization), body });
        response.writeHead(answer.status, { 'content-type': 'application/json' });
        response.end(answer.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  });
  afterAll(() => server.close());
  beforeEach(() => {
    asked = [];
    answer = { status: 200, body: '{"access_token":"t1","expires_in":100}' };
  });

  const endpoint = () => ({
    url,
    clientId: 'shop:1',
    clientSecret: () => 's&cret',
    scope: 'kafka write',
  });

  it('are asked for by Basic authentication, with the scope', async () => {
    expect(await tokensOfEndpoint(endpoint())()).toBe('t1');
    const login = Buffer.from('shop%3A1:s%26cret').toString('base64');
    expect(asked).toEqual([
      {
        authorization: `Basic ${login}`,
        body: 'grant_type=client_credentials&scope=kafka+write',
      },
    ]);
  });

  it('are shared until four fifths of their life are over', async () => {
    let nowMs = 0;
    const token = tokensOfEndpoint(endpoint(), () => nowMs);
    await Promise.all([token(), token(), token()]);
    nowMs = 79_999;
    expect(await token()).toBe('t1');
    expect(asked.length).toBe(1);
    nowMs = 80_000;
    answer.body = '{"access_token":"t2"}';
    expect(await token()).toBe('t2');
    await token();
    expect(asked.length, 'without a life it is not kept').toBe(3);
  });

  it('are not had with wrong credentials: the settings are named, the secret is not', async () => {
    answer = { status: 401, body: '{"error":"invalid_client"}' };
    const refused = tokensOfEndpoint(endpoint())();
    await expect(refused).rejects.toMatchObject({
      code: 'AUTHENTICATION_FAILED',
      disposition: 'usage',
      message: expect.stringMatching(/401 invalid_client.*KAFKA_SASL_PASSWORD/),
    });
    await expect(refused).rejects.not.toThrow('s&cret');
  });

  it.each([
    [503, ''],
    [429, '{}'],
    [200, '<html>'],
    [200, '{"token":"t"}'],
  ])('are tried again where the server answers %i %s', async (status, body) => {
    answer = { status, body };
    const tried = tokensOfEndpoint(endpoint())();
    await expect(tried).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE', disposition: 'retry' });
  });

  it('are tried again where nobody answers', async () => {
    const nobody = { ...endpoint(), url: 'http://127.0.0.1:1/token' };
    await expect(tokensOfEndpoint(nobody)()).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
  });
});

it('tokens of a file are read each time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'isthmus-token-'));
  const file = join(folder, 'token');
  const token = tokensOfFile(file);
  await expect(token()).rejects.toMatchObject({ code: 'TOKEN_UNAVAILABLE' });
  writeFileSync(file, 'one\n');
  expect(await token()).toBe('one');
  writeFileSync(file, 'two');
  expect(await token()).toBe('two');
  rmSync(folder, { recursive: true });
});

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
