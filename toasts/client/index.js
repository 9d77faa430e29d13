/** The bundle's entry: a classic deferred script, so the page's own script tag is the configuration. */

import { boot } from "./boot.js";
import { findScript, readConfig } from "./config.js";

boot(readConfig(findScript(document)));
