/**
 * The MQTT link of this device: it hears the recipient's orders and tells that the device is there. It is the bell and one of
 * two ways back; the truth is GET /state. It never shows or decides anything.
 */
import type { IClientOptions, MqttClient } from 'mqtt';
import { shallowReactive } from 'vue';
import { newKey } from '../client/api';
import * as steady from './steady';
import type { Unsent } from './outbox';

/** What POST /device answered. */
export interface Device { recipient: string; token: string; prefix: string; websocket_port: number }
export type LinkState = 'off' | 'connecting' | 'up' | 'down' | 'refused';

const CLIENT = 'fengsui.client';
const RECONNECT_MS = 2_000;
const CONNECT_MS = 5_000;
const KEEPALIVE_S = 60;
const SESSION_S = 3_600;
/** CONNACK: bad user name or password, not authorized. */
const NOT_LET_IN = new Set([134, 135]);

/** One name per tab: two tabs under one name would throw each other out for ever. */
function clientId(recipient: string): string {
  const kept = sessionStorage.getItem(CLIENT);
  if (kept?.startsWith(`${recipient}-`)) return kept;
  const fresh = `${recipient}-${newKey().slice(0, 12)}`;
  sessionStorage.setItem(CLIENT, fresh);
  return fresh;
}

export class MqttLink {
  readonly view = shallowReactive({ state: 'off' as LinkState });
  private client: MqttClient | null = null;
  private device: Device | null = null;
  private generation = 0;

  constructor(
    private readonly onOrder: (document: unknown) => void,
    private readonly onUp: () => void,
  ) {}

  async start(device: Device): Promise<void> {
    this.stop();
    // The site has no broker: the stream brings the orders, and answers go by HTTP.
    if (device.websocket_port === 0) return;
    const generation = ++this.generation;
    this.device = device;
    this.view.state = 'connecting';
    const { default: mqtt } = await import('mqtt');
    if (generation !== this.generation) return;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const client = mqtt.connect(`${scheme}://${location.hostname}:${device.websocket_port}/mqtt`, this.options(device));
    this.client = client;
    const current = () => this.client === client;
    client.on('connect', () => current() && this.connected(client, device));
    client.on('message', (topic, payload) => current() && this.message(client, topic, payload));
    client.on('close', () => {
      if (current() && this.view.state !== 'refused') this.view.state = 'down';
    });
    client.on('error', (error: Error & { code?: unknown }) => {
      if (current() && NOT_LET_IN.has(Number(error.code))) this.refused();
    });
  }

  stop(): void {
    this.generation += 1;
    const client = this.client;
    this.client = null;
    this.view.state = 'off';
    if (!client) return;
    if (client.connected) this.tell(client, false);
    client.end();
  }

  /** Tries now instead of at the next turn: the page is seen again, or the network is back. */
  wake(): void {
    if (this.client && !this.client.connected && this.view.state !== 'refused') this.client.reconnect();
  }

  /** Hands a reply over; false when there is no live link. */
  publish({ recipient, order, reply }: Unsent): boolean {
    const client = this.client;
    if (!client?.connected || recipient !== this.device?.recipient) return false;
    client.publish(`${this.device.prefix}reply/${recipient}/${order}`, JSON.stringify(reply), { qos: 1 });
    return true;
  }

  private options(device: Device): IClientOptions {
    const id = clientId(device.recipient);
    return {
      protocolVersion: 5,
      clientId: id,
      username: device.recipient,
      password: device.token,
      clean: false,
      properties: { sessionExpiryInterval: SESSION_S },
      keepalive: KEEPALIVE_S,
      reconnectPeriod: RECONNECT_MS,
      connectTimeout: CONNECT_MS,
      resubscribe: false,
      queueQoSZero: false,
      timerVariant: { set: (act: () => unknown, ms: number) => steady.every(ms, act), clear: (id: number) => steady.stop(id) },
      will: { topic: this.presenceTopic(device), payload: this.presence(id, false), qos: 1, retain: true },
    } as IClientOptions;
  }

  private connected(client: MqttClient, device: Device): void {
    this.view.state = 'up';
    // Subscribing again brings every open order again; being there brings what ended meanwhile, so it comes second.
    client.subscribe([`${device.prefix}order/${device.recipient}/+`, this.daemonTopic(device)], { qos: 1 });
    this.tell(client, true);
    this.onUp();
  }

  private message(client: MqttClient, topic: string, payload: Uint8Array): void {
    // An empty payload only ends the kept copy; the final document came before it.
    if (payload.length === 0) return;
    try {
      const said: unknown = JSON.parse(new TextDecoder().decode(payload));
      if (this.device && topic === this.daemonTopic(this.device)) this.daemon(client, said);
      else this.onOrder(said);
    } catch (error) {
      console.warn('an order could not be read', error);
    }
  }

  /** A daemon that comes back may have lost who is there: every device says it again. */
  private daemon(client: MqttClient, said: unknown): void {
    if ((said as { online?: unknown } | null)?.online === true) this.tell(client, true);
  }

  private refused(): void {
    this.view.state = 'refused';
    this.client?.end(true);
    this.client = null;
  }

  private daemonTopic(device: Device): string {
    return `${device.prefix}status/daemon`;
  }

  private presenceTopic(device: Device): string {
    return `${device.prefix}presence/${device.recipient}`;
  }

  private presence(id: string, online: boolean): string {
    return JSON.stringify({ v: 1, device: id, online, at: Date.now() });
  }

  private tell(client: MqttClient, online: boolean): void {
    if (!this.device) return;
    const payload = this.presence(clientId(this.device.recipient), online);
    client.publish(this.presenceTopic(this.device), payload, { qos: 1, retain: true });
  }
}
