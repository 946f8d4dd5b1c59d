// The room reads without any of this; these modules keep it live and make it quick to use.

import { begin as desk } from "./desk.js";
import { begin as keys } from "./keys.js";
import { begin as live } from "./live.js";
import { begin as map } from "./map.js";
import { begin as time } from "./time.js";
import { begin as views } from "./views.js";

for (const begin of [desk, map, keys, time, views, live]) begin();
