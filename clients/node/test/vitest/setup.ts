import { providePorts } from "portlease/vitest";

export default providePorts("web", "api");
