import { onTestFinished } from "vitest";
import { cleanUpWith } from "../../../e2e/program.js";

cleanUpWith(onTestFinished);
