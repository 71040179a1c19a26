/**
 * Files whose first comment says `@hot` hold the per-packet path: nothing in them allocates by syntax, and nothing is slow by nature.
 */

const isFunction = (n) => n.type === 'FunctionDeclaration' || n.type === 'FunctionExpression' || n.type === 'ArrowFunctionExpression';

/** A function inside another function: a closure, made anew each time. Methods and functions at module level are made once. */
function isNested(node) {
  for (let n = node.parent; n; n = n.parent) if (isFunction(n)) return true;
  return false;
}

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: {
    type: 'problem',
    docs: { description: 'syntax that has no place on the packet path' },
    schema: [],
    messages: {
      spread: 'spread and rest allocate; this file is @hot',
      destructure: 'a destructured value is an object made to be taken apart; this file is @hot',
      bigint: 'BigInt allocates; this file is @hot',
      generator: 'generators and async functions allocate; this file is @hot',
      closure: 'a closure is made on each call; use a method or a function at module level; this file is @hot',
      try: 'no try on the packet path; return an errno or a verdict; this file is @hot',
      iterator: 'for-in and for-of walk by iterator; use an index; this file is @hot',
    },
  },
  create(context) {
    const first = context.sourceCode.getAllComments()[0];
    const code = context.sourceCode.ast.tokens[0];
    if (!first || (code && code.range[0] < first.range[0]) || !/(^|[\s*])@hot\b/.test(first.value)) return {};
    const report = (messageId) => (node) => context.report({ node, messageId });
    const pattern = (node) => { if (node.parent.type !== 'ImportDeclaration') report('destructure')(node); };
    const func = (node) => {
      if (node.generator || node.async) report('generator')(node);
      if (isNested(node)) report('closure')(node);
    };
    return {
      SpreadElement: report('spread'),
      RestElement: report('spread'),
      ObjectPattern: pattern,
      ArrayPattern: pattern,
      'Literal[bigint]': report('bigint'),
      "Identifier[name='BigInt']": report('bigint'),
      FunctionDeclaration: func,
      FunctionExpression: func,
      ArrowFunctionExpression: func,
      TryStatement: report('try'),
      ForInStatement: report('iterator'),
      ForOfStatement: report('iterator'),
    };
  },
};
