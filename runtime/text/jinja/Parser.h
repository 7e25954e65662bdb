// A recursive-descent parser, in two files: Parser.cpp reads statements, ExpressionParser.cpp expressions.
#pragma once

#include "runtime/text/jinja/Ast.h"
#include "runtime/text/jinja/Lexer.h"

#include <initializer_list>

namespace dsrt::jinja {

class Parser {
public:
  Parser(std::vector<Token> tokens, const std::string &where) : tokens(std::move(tokens)), where(where) {}
  StatusOr<Block> parse();

private:
  // Statements. A block ends before the tag whose name is one of `ends`, which is then the current token.
  StatusOr<Block> parseBlock(std::initializer_list<std::string_view> ends, const Token *opener);
  Status parseStatement(Block &out);
  Status parseIf(Stmt &out);
  Status parseFor(Stmt &out);
  Status parseSet(Stmt &out);
  Status parseTargets(std::vector<std::string> &targets);
  Status expectBlockEnd();

  // Expressions, from the weakest operator to the strongest.
  StatusOr<ExprPtr> parseExpression(bool withConditional = true);
  StatusOr<ExprPtr> parseTuple(); // one expression, or several with commas
  StatusOr<ExprPtr> parseOr();
  StatusOr<ExprPtr> parseAnd();
  StatusOr<ExprPtr> parseNot();
  StatusOr<ExprPtr> parseCompare();
  StatusOr<ExprPtr> parseSum();
  StatusOr<ExprPtr> parseConcat();
  StatusOr<ExprPtr> parseProduct();
  StatusOr<ExprPtr> parsePower();
  StatusOr<ExprPtr> parseUnary(bool withFilters = true);
  StatusOr<ExprPtr> parsePrimary();
  StatusOr<ExprPtr> parseDict();
  StatusOr<ExprPtr> parsePostfix(ExprPtr operand);
  StatusOr<ExprPtr> parseFilters(ExprPtr operand);
  StatusOr<ExprPtr> parseTest(ExprPtr operand);
  StatusOr<ExprPtr> parseSubscript(ExprPtr operand);
  Status parseArguments(Expr &call); // from '(' to ')'
  using Level = StatusOr<ExprPtr> (Parser::*)();
  StatusOr<ExprPtr> parseLeftAssociative(Level operand, std::initializer_list<std::string_view> operators);

  const Token &current() const { return tokens[at]; }
  const Token &next() { return tokens[current().kind == Token::End ? at : at++]; }
  bool isOperator(std::string_view text) const { return current().kind == Token::Operator && current().text == text; }
  bool isName(std::string_view text) const { return current().kind == Token::Name && current().text == text; }
  bool takeOperator(std::string_view text) {
    bool found = isOperator(text);
    at += found;
    return found;
  }
  bool takeName(std::string_view text) {
    bool found = isName(text);
    at += found;
    return found;
  }
  Status expectOperator(std::string_view text);
  StatusOr<std::string> expectName();
  // "unexpected X, expected Y"
  Status unexpected(const std::string &expected) const;
  Status fail(int line, const std::string &what) const {
    return Status::error(where + ":" + std::to_string(line) + ": " + what);
  }
  static ExprPtr make(Expr::Kind kind, int line) { return std::make_unique<Expr>(kind, line); }
  // Sets the depth from the operands and refuses a tree that is too deep.
  StatusOr<ExprPtr> finish(ExprPtr expr) const;
  StatusOr<ExprPtr> binary(Expr::Kind kind, int line, ExprPtr left, ExprPtr right, std::string name = {}) const;

  std::vector<Token> tokens;
  const std::string &where;
  size_t at = 0;
  int nesting = 0;   // of open brackets, prefix operators and blocks: what this parser recurses over
  int loopDepth = 0; // of for loops, where break and continue are allowed
};

} // namespace dsrt::jinja
