// The syntax tree of a template.
#pragma once

#include "runtime/text/jinja/Value.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dsrt::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Expr {
  enum Kind {
    Literal,     // value
    Name,        // name
    ListOf,      // operands; named "tuple" for a tuple
    DictOf,      // operands: key, value, key, value, ...
    Negate,      // operands[0]
    Plus,        // operands[0]
    Not,         // operands[0]
    And,         // operands[0], operands[1]
    Or,          // operands[0], operands[1]
    Arithmetic,  // operands[0] name operands[1]; name is + - * / // % **
    Concat,      // str() of all operands
    Compare,     // operands[0] comparisons[0] operands[1] comparisons[1] operands[2] ...
    Conditional, // operands[0] if operands[1] else operands[2]; the last may be absent
    Attribute,   // operands[0].name
    Item,        // operands[0][operands[1]]
    Slice,       // operands[0][operands[1]:operands[2]:operands[3]]; all but the first may be null
    Call,        // operands[0](operands[1], ..., keywords)
    Filter,      // operands[0] | name(operands[1], ..., keywords)
    Test,        // operands[0] is name(operands[1], ...)
  } kind;
  int line;
  std::string name;
  Value value;
  std::vector<ExprPtr> operands;
  std::vector<std::pair<std::string, ExprPtr>> keywords;
  std::vector<std::string> comparisons; // == != < <= > >= in, "not in"
  int depth = 1;                        // of the tree below, which bounds every recursion over it

  Expr(Kind kind, int line) : kind(kind), line(line) {}
};

struct Stmt;
using Block = std::vector<Stmt>;

struct Stmt {
  enum Kind {
    Text,     // text
    Output,   // expr
    If,       // branches in order, then otherwise
    For,      // targets in expr (where `condition` holds): body; otherwise if there was no item
    Set,      // targets = expr, or targets[0].attribute = expr
    SetBlock, // targets[0] = what body prints
    Nested,   // body
    Break,
    Continue,
  } kind;
  int line;
  std::string text;
  std::vector<std::string> targets;
  std::string attribute;
  ExprPtr expr, condition;
  std::vector<std::pair<ExprPtr, Block>> branches;
  Block body, otherwise;

  Stmt(Kind kind, int line) : kind(kind), line(line) {}
};

// Messages read "WHERE:LINE: ...". What this subset lacks (macros, includes, ...) is refused by name.
StatusOr<Block> parseTemplate(std::string_view source, const std::string &where);

} // namespace dsrt::jinja
