import { getPort, getPorts, getPortSync, PortleaseError, release, type PortOptions } from "portlease";

const options: PortOptions = { range: "20000-20999", protocol: "tcp", ttl: 60 };
const port: number = await getPort(options);
const [first]: number[] = await getPorts(2, { contiguous: true });
await release(getPortSync() + 0 * port * first!);
// @ts-expect-error: there is no such option.
await getPort({ prots: "tcp" });
const hint: string | undefined = new PortleaseError().hint;
export { hint };
