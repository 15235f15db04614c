import type { SASLOptions } from 'kafkajs';
import { authenticationFailed } from '../errors.js';
import type { TokenSource } from './tokens.js';

/** How a client authenticates. What is secret is asked for at each connection. */
export type Sasl =
  | {
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: () => string;
    }
  | { readonly mechanism: 'OAUTHBEARER'; readonly token: TokenSource };

/** Returns it as kafkajs wants it. */
export function saslOptions(sasl: Sasl): SASLOptions {
  if (sasl.mechanism === 'OAUTHBEARER') {
    const authenticationProvider = bearer(sasl.token);
    return { mechanism: sasl.mechanism, authenticationProvider } as unknown as SASLOptions;
  }
  const { mechanism, username, password } = sasl;
  return {
    mechanism: mechanism.toLowerCase() as 'plain',
    username,
    get password() {
      return password();
    },
  };
}

interface Exchange {
  readonly host: string;
  readonly port: number;
  saslAuthenticate(messages: {
    request: { encode(): Promise<Buffer> };
    response: {
      decode(bytes: Buffer): Promise<Buffer>;
      parse(bytes: Buffer): Promise<Buffer>;
    };
  }): Promise<Buffer | undefined>;
}

/**
 * RFC 7628. Written here because kafkajs's own takes a refusal for a yes: the broker answers a token
 * that it refuses with its reason, as JSON, and one that it takes with nothing.
 */
function bearer(token: TokenSource) {
  return ({ host, port, saslAuthenticate }: Exchange) => ({
    authenticate: async (): Promise<void> => {
      const message = Buffer.from(`n,,\u0001auth=Bearer ${await token()}\u0001\u0001`);
      const framed = Buffer.alloc(4 + message.length);
      framed.writeInt32BE(message.length);
      message.copy(framed, 4);
      const reason = await saslAuthenticate({
        request: { encode: async () => framed },
        response: { decode: async (bytes) => bytes, parse: async (bytes) => bytes },
      });
      const text = reason?.subarray(4).toString('utf8') ?? '';
      if (text === '') return;
      throw authenticationFailed(`the broker at ${host}:${port}`, text, tokenSettings);
    },
  });
}

const tokenSettings = 'what KAFKA_SASL_TOKEN_FILE or KAFKA_SASL_TOKEN_URL gives';
