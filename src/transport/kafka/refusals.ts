import type { IsthmusError } from '../../errors.js';
import { authenticationFailed, tlsFailed } from '../errors.js';
import { missingAcl } from './authorisation.js';
import type { Cluster, Connection, ProtocolRequest } from './internals.js';

/**
 * Makes `cluster` keep the reason where no coordinator is found: kafkajs forgets it. `refused` returns
 * what the broker has refused since it was last called.
 */
export function explainCoordinators(
  cluster: Pick<Cluster, 'findGroupCoordinator'>,
  refused: () => IsthmusError | null,
): void {
  const find = cluster.findGroupCoordinator.bind(cluster);
  cluster.findGroupCoordinator = async (wanted) => {
    refused();
    try {
      return await find(wanted);
    } catch (error) {
      throw refused() ?? error;
    }
  };
}

/**
 * Makes what a connection refuses, or is refused, for good into errors that say why and what to do:
 * TLS_FAILED, AUTHENTICATION_FAILED, NOT_AUTHORISED (`onDenied` hears of that as well). What may pass
 * stays as it is, to be tried again.
 */
export function explainRefusals(
  connection: Connection,
  onDenied: (error: IsthmusError) => void,
): void {
  const connect = connection.connect.bind(connection);
  const authenticate = connection.authenticate.bind(connection);
  const send = connection.send.bind(connection);
  /** What became of the last message of an authentication: kafkajs keeps no more than its text. */
  let met: unknown = null;
  const explained = (error: unknown): unknown => refusal(connection, error, met);

  connection.connect = async () => {
    met = null;
    try {
      return await connect();
    } catch (error) {
      throw explained(error);
    }
  };
  connection.authenticate = async () => {
    try {
      await authenticate();
    } catch (error) {
      throw explained(error);
    }
  };
  connection.send = async (protocol) => {
    const { request, response } = protocol;
    let answer: unknown = null;
    const watched: ProtocolRequest = {
      ...protocol,
      response: {
        decode: async (raw) => {
          answer = await response.decode(raw);
          return answer;
        },
        parse: (data) => response.parse(data),
      },
    };
    try {
      return await send(watched);
    } catch (error) {
      if (request.apiName.startsWith('Sasl')) met = error;
      const acl = await missingAcl(request, answer);
      if (acl === null) throw explained(error);
      onDenied(acl);
      throw final(acl);
    }
  };
}

interface Fault extends Error {
  readonly code?: string | number;
  readonly type?: string;
}

const untrusted =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT(_LOCALLY)?)|CERT_(UNTRUSTED|REJECTED|SIGNATURE_FAILURE|CHAIN_TOO_LONG)|INVALID_CA)$/;
const outdated = /^CERT_(HAS_EXPIRED|NOT_YET_VALID|REVOKED)$/;

function refusal({ host, port, sasl }: Connection, error: unknown, met: unknown): unknown {
  const { name, code, message, type } = error as Fault;
  const broker = `${host}:${port}`;
  const why = message.replace(/^Connection error: /, '');
  const tls = (remedy: string): IsthmusError => final(tlsFailed(broker, why, remedy));
  if (typeof code === 'string') {
    if (untrusted.test(code)) {
      return tls(
        'Put the certificate of the authority that signed the broker into the file of KAFKA_TLS_CA_FILE',
      );
    }
    if (outdated.test(code)) {
      return tls("Renew the broker's certificate (or compare this machine's clock)");
    }
    if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
      return tls(
        "Let KAFKA_BROKERS and the broker's advertised.listeners name it as its certificate does, or have the name put into the certificate",
      );
    }
    if (/^ERR_SSL_.*ALERT/.test(code)) {
      return tls(
        'The broker refused this client: check KAFKA_TLS_CERT_FILE and KAFKA_TLS_KEY_FILE, and that the broker trusts who signed the certificate',
      );
    }
    if (/^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code)) {
      return tls('Its listener does not speak TLS: name one that does, or leave KAFKA_TLS out');
    }
  }
  const mechanism = sasl?.mechanism.toUpperCase();
  if (type === 'UNSUPPORTED_SASL_MECHANISM' || type === 'ILLEGAL_SASL_STATE') {
    return final(
      authenticationFailed(
        `the broker at ${broker}`,
        `its listener does not offer ${mechanism}`,
        'KAFKA_SASL_MECHANISM, and the port in KAFKA_BROKERS',
      ),
    );
  }
  if (name !== 'KafkaJSSASLAuthenticationError') return error;
  // kafkajs calls it a refusal as well when the connection breaks meanwhile.
  if (met !== null && (met as Fault).type !== 'SASL_AUTHENTICATION_FAILED') return met;
  const check = 'KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM';
  return final(authenticationFailed(`the broker at ${broker}`, why, check));
}

/** kafkajs tries again what does not say that this is no use. */
function final(error: IsthmusError): IsthmusError {
  return Object.assign(error, { retriable: false });
}
