/**
 * No mutable state at module level: two kernels in one process share nothing.
 *
 * Top level, and `static` fields, may hold: primitives, functions, classes, frozen or `as const` literals, values whose declared type is
 * read-only or a named interface, typed-array tables that no function writes to, and declarations like VnetVar, ServiceKey and EventKey.
 */

const CONTAINERS = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Array', 'Object', 'Date']);
const TABLES = new Set(['Uint8Array', 'Int8Array', 'Uint16Array', 'Int16Array', 'Uint32Array', 'Int32Array', 'Float32Array', 'Float64Array', 'Uint8ClampedArray',
  'BigInt64Array', 'BigUint64Array']);
/** Classes whose instances are constants. */
const CONSTANTS = new Set(['RegExp', 'TextEncoder', 'TextDecoder', 'InAddr', 'Error', 'Proxy']);
const READONLY_TYPES = new Set(['ReadonlyMap', 'ReadonlySet', 'ReadonlyArray', 'Readonly', 'DeepReadonly']);
const MUTABLE_TYPES = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Array', 'Record', 'Partial', 'Date']);
const MUTATORS = new Set(['push', 'pop', 'shift', 'unshift', 'splice', 'sort', 'reverse', 'fill', 'set', 'copyWithin', 'add', 'delete', 'clear']);

function unwrap(node) {
  let n = node;
  while (n && (n.type === 'TSAsExpression' || n.type === 'TSSatisfiesExpression' || n.type === 'TSNonNullExpression' || n.type === 'TSTypeAssertion')) {
    if (n.type === 'TSAsExpression' && isConstAssertion(n)) return null;
    n = n.expression;
  }
  return n;
}

const isConstAssertion = (n) => n.typeAnnotation.type === 'TSTypeReference' && n.typeAnnotation.typeName.name === 'const';

const calleeName = (n) => (n.type === 'Identifier' ? n.name : n.type === 'MemberExpression' && n.property.type === 'Identifier' ? n.property.name : '');

const isFreeze = (n) => n.type === 'CallExpression' && n.callee.type === 'MemberExpression' && n.callee.object.name === 'Object' && n.callee.property.name === 'freeze';

/** 'readonly', 'mutable', 'named' (a type of ours, taken at its word) or null. */
function annotationKind(annotation) {
  const type = annotation?.typeAnnotation;
  if (!type) return null;
  if (type.type === 'TSTypeOperator' && type.operator === 'readonly') return 'readonly';
  if (type.type === 'TSArrayType' || type.type === 'TSTupleType' || type.type === 'TSTypeLiteral') return 'mutable';
  if (type.type === 'TSTypeReference') {
    const name = type.typeName.type === 'Identifier' ? type.typeName.name : type.typeName.right.name;
    if (READONLY_TYPES.has(name)) return 'readonly';
    if (MUTABLE_TYPES.has(name)) return 'mutable';
    return 'named';
  }
  return null;
}

function isMutable(init, annotation) {
  const value = unwrap(init);
  if (!value || isFreeze(value)) return false;
  const kind = annotationKind(annotation);
  if (kind === 'readonly') return false;
  if (value.type === 'ArrayExpression') return true;
  if (value.type === 'ObjectExpression') return kind !== 'named';
  if (value.type === 'CallExpression') return kind === 'mutable' && CONTAINERS.has(calleeName(value.callee));
  if (value.type !== 'NewExpression') return false;
  const name = calleeName(value.callee);
  return !(TABLES.has(name) || CONSTANTS.has(name) || /(Var|Key)$/.test(name));
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression', 'StaticBlock', 'PropertyDefinition']);

function insideFunction(node) {
  for (let n = node; n; n = n.parent) if (FUNCTIONS.has(n.type)) return true;
  return false;
}

/** Whether this mention of a variable changes what it holds: an assignment to a member, or a mutating method. */
function isWrite(identifier) {
  let n = identifier;
  while (n.parent.type === 'MemberExpression' && n.parent.object === n) {
    const member = n.parent;
    if (member.parent.type === 'CallExpression' && member.parent.callee === member) {
      return !member.computed && MUTATORS.has(member.property.name);
    }
    n = member;
  }
  if (n === identifier) return false;
  const p = n.parent;
  return (p.type === 'AssignmentExpression' && p.left === n) || p.type === 'UpdateExpression' || (p.type === 'UnaryExpression' && p.operator === 'delete');
}

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: {
    type: 'problem',
    docs: { description: 'no mutable state at module level' },
    schema: [],
    messages: {
      binding: "module-level '{{kind}} {{name}}' is state shared by all kernels; hang it off the Kernel or the Vnet",
      mutable: "module-level '{{name}}' is mutable; freeze it, declare it readonly, or hang it off the Kernel or the Vnet",
      written: "'{{name}}' lives at module level and is written here; hang it off the Kernel or the Vnet",
    },
  },
  create(context) {
    const scopes = context.sourceCode.scopeManager;

    function checkConst(declarator) {
      if (declarator.id.type !== 'Identifier' || !declarator.init) return;
      if (isMutable(declarator.init, declarator.id.typeAnnotation)) {
        context.report({ node: declarator, messageId: 'mutable', data: { name: declarator.id.name } });
        return;
      }
      for (const variable of scopes.getDeclaredVariables(declarator)) {
        for (const { identifier } of variable.references) {
          if (insideFunction(identifier) && isWrite(identifier)) {
            context.report({ node: identifier, messageId: 'written', data: { name: variable.name } });
          }
        }
      }
    }

    function checkDeclaration(node) {
      if (node.declare) return;
      for (const declarator of node.declarations) {
        if (node.kind === 'const') checkConst(declarator);
        else context.report({ node: declarator, messageId: 'binding', data: { kind: node.kind, name: context.sourceCode.getText(declarator.id) } });
      }
    }

    return {
      Program(program) {
        for (const statement of program.body) {
          const node = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
          if (node?.type === 'VariableDeclaration') checkDeclaration(node);
        }
      },
      'PropertyDefinition[static=true]'(node) {
        if (node.declare) return;
        const name = context.sourceCode.getText(node.key);
        if (!node.readonly) context.report({ node, messageId: 'binding', data: { kind: 'static', name } });
        else if (node.value && isMutable(node.value, node.typeAnnotation)) context.report({ node, messageId: 'mutable', data: { name } });
      },
    };
  },
};
