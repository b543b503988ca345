export { memory } from "../verifier/keys.ts";
export { kindOf, readHead, verify } from "../verifier/verify.ts";
