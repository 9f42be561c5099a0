/** The YAML parser, the one place that names its package. Import it late, and by name: only what stands here is bundled. */
export { Composer, type CST, isMap, isNode, isScalar, isSeq, LineCounter, Parser, parseDocument } from 'yaml'
