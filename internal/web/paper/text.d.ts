// Files of text are bundled as a string.
declare module "*.txt" {
  const text: string;
  export default text;
}
declare module "*.properties" {
  const text: string;
  export default text;
}
