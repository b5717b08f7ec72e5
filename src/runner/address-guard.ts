import { type LookupAddress, lookup } from "node:dns";
import { BlockList, isIP } from "node:net";

/** A request goes where this runner does not let it go; the message is for the workflow's author. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

/** What RUNCAST_RUNNER_HTTP_ALLOW lists: hosts, addresses and networks that are allowed although they are not public. */
export interface AllowedPlaces {
  readonly hosts: ReadonlySet<string>;
  readonly networks: BlockList;
}

export type ResolveHost = (host: string) => Promise<readonly LookupAddress[]>;

/** Everything that is not the public internet, as IANA lists it, and one address that is: Azure's own services. */
const REFUSED_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16/32",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/3",
];

/** Of IPv6 only this is public; forms that carry an IPv4 address lie outside, or are among the refused below. */
const PUBLIC_IPV6 = ["2000::/3"];
const REFUSED_IPV6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

const refusedIpv4 = networksOf(REFUSED_IPV4);
const publicIpv6 = networksOf(PUBLIC_IPV6);
const refusedIpv6 = networksOf(REFUSED_IPV6);

function networksOf(list: readonly string[]): BlockList {
  const networks = new BlockList();
  for (const network of list) addNetwork(networks, network);
  return networks;
}

function addNetwork(networks: BlockList, text: string): void {
  const [address, bits] = text.split("/") as [string, string?];
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  networks.addSubnet(address, bits === undefined ? (family === "ipv6" ? 128 : 32) : Number(bits), family);
}

const NETWORK = /^[0-9A-Fa-f:.]+(\/\d{1,3})?$/;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i;

/** Whether the text can stand in the list. */
export function isAllowable(text: string): boolean {
  const [address = "", bits] = text.split("/");
  const family = isIP(address);
  if (family === 0) return HOST_NAME.test(text);
  return NETWORK.test(text) && (bits === undefined || Number(bits) <= (family === 6 ? 128 : 32));
}

/** @param list entries that are allowable */
export function allowedPlaces(list: readonly string[]): AllowedPlaces {
  const isNetwork = (entry: string) => isIP(entry.split("/")[0]!) !== 0;
  return {
    hosts: new Set(list.filter((entry) => !isNetwork(entry)).map((host) => host.toLowerCase())),
    networks: networksOf(list.filter(isNetwork)),
  };
}

export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !refusedIpv4.check(address, "ipv4");
    case 6:
      // A zone names an interface of this machine.
      if (address.includes("%")) return false;
      return publicIpv6.check(address, "ipv6") && !refusedIpv6.check(address, "ipv6");
    default:
      return false;
  }
}

/** From the system, which also knows the hosts file. */
export function resolveHost(host: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
}

/**
 * The addresses of a URL's host, all of them allowed. The connection must use these and not ask again: a second
 * answer could be another one.
 * @throws AddressRefused
 */
export async function allowedAddresses(
  url: URL,
  allowed: AllowedPlaces,
  resolve: ResolveHost = resolveHost,
): Promise<readonly LookupAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  const addresses = family === 0 ? await resolve(host) : [{ address: host, family }];
  if (addresses.length === 0) throw new AddressRefused(`${host} has no address`);
  if (allowed.hosts.has(host.toLowerCase().replace(/\.$/, ""))) return addresses;
  const refused = addresses.find(({ address }) => !isPublicAddress(address) && !isListed(address, allowed));
  if (refused === undefined) return addresses;
  const shown = refused.address === host ? host : `${host} (${refused.address})`;
  throw new AddressRefused(
    `this runner sends no requests to ${shown}, which is not a public address; RUNCAST_RUNNER_HTTP_ALLOW on the runner allows it`,
  );
}

function isListed(address: string, { networks }: AllowedPlaces): boolean {
  if (address.includes("%")) return false;
  return networks.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}
