// npm's get-port, asked by so many loops of one process: its module, loops, times each.
const [, module, clients, each] = process.argv;
const { default: getPort } = await import(module);
const ports = [];
const microseconds = [];
const loop = async () => {
	for (let time = 0; time < Number(each); time++) {
		const begun = performance.now();
		ports.push(await getPort());
		microseconds.push((performance.now() - begun) * 1000);
	}
};
const begun = performance.now();
await Promise.all(Array.from({ length: Number(clients) }, loop));
const seconds = (performance.now() - begun) / 1000;
console.log(JSON.stringify({ seconds, ports, microseconds }));
