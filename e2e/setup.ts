import { onTestFinished } from "vitest";
import { cleanUpWith } from "./program";

cleanUpWith(onTestFinished);
