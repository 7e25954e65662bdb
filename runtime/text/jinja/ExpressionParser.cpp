#include "runtime/text/jinja/Parser.h"

#include <algorithm>

namespace dsrt::jinja {

namespace {

constexpr int maxExpressionDepth = 200;
// Each level of brackets takes a dozen stack frames.
constexpr int maxNesting = 64;

} // namespace

StatusOr<ExprPtr> Parser::finish(ExprPtr expr) const {
  for (const ExprPtr &operand : expr->operands)
    expr->depth = std::max(expr->depth, operand ? operand->depth + 1 : 1);
  for (const auto &[name, operand] : expr->keywords)
    expr->depth = std::max(expr->depth, operand->depth + 1);
  if (expr->depth > maxExpressionDepth)
    return fail(expr->line, "an expression nests deeper than " + std::to_string(maxExpressionDepth));
  return expr;
}

StatusOr<ExprPtr> Parser::binary(Expr::Kind kind, int line, ExprPtr left, ExprPtr right, std::string name) const {
  ExprPtr expr = make(kind, line);
  expr->name = std::move(name);
  expr->operands.push_back(std::move(left));
  expr->operands.push_back(std::move(right));
  return finish(std::move(expr));
}

StatusOr<ExprPtr> Parser::parseExpression(bool withConditional) {
  if (++nesting > maxNesting)
    return fail(current().line, "brackets and blocks nest deeper than " + std::to_string(maxNesting));
  DSRT_ASSIGN_OR_RETURN(ExprPtr expr, parseOr());
  while (withConditional && isName("if")) {
    ExprPtr conditional = make(Expr::Conditional, next().line);
    DSRT_ASSIGN_OR_RETURN(ExprPtr condition, parseOr());
    conditional->operands.push_back(std::move(expr));
    conditional->operands.push_back(std::move(condition));
    if (takeName("else")) {
      DSRT_ASSIGN_OR_RETURN(ExprPtr otherwise, parseExpression());
      conditional->operands.push_back(std::move(otherwise));
    }
    DSRT_ASSIGN_OR_RETURN(expr, finish(std::move(conditional)));
  }
  --nesting;
  return expr;
}

StatusOr<ExprPtr> Parser::parseTuple() {
  int line = current().line;
  DSRT_ASSIGN_OR_RETURN(ExprPtr first, parseExpression());
  if (!isOperator(","))
    return first;
  ExprPtr tuple = make(Expr::ListOf, line);
  tuple->name = "tuple";
  tuple->operands.push_back(std::move(first));
  while (takeOperator(",")) {
    if (current().kind == Token::VariableEnd || current().kind == Token::BlockEnd || isOperator(")"))
      break;
    DSRT_ASSIGN_OR_RETURN(ExprPtr item, parseExpression());
    tuple->operands.push_back(std::move(item));
  }
  return finish(std::move(tuple));
}

StatusOr<ExprPtr> Parser::parseOr() {
  DSRT_ASSIGN_OR_RETURN(ExprPtr left, parseAnd());
  while (isName("or")) {
    int line = next().line;
    DSRT_ASSIGN_OR_RETURN(ExprPtr right, parseAnd());
    DSRT_ASSIGN_OR_RETURN(left, binary(Expr::Or, line, std::move(left), std::move(right)));
  }
  return left;
}

StatusOr<ExprPtr> Parser::parseAnd() {
  DSRT_ASSIGN_OR_RETURN(ExprPtr left, parseNot());
  while (isName("and")) {
    int line = next().line;
    DSRT_ASSIGN_OR_RETURN(ExprPtr right, parseNot());
    DSRT_ASSIGN_OR_RETURN(left, binary(Expr::And, line, std::move(left), std::move(right)));
  }
  return left;
}

StatusOr<ExprPtr> Parser::parseNot() {
  std::vector<int> lines;
  while (isName("not"))
    lines.push_back(next().line);
  DSRT_ASSIGN_OR_RETURN(ExprPtr expr, parseCompare());
  for (; !lines.empty(); lines.pop_back()) {
    ExprPtr negation = make(Expr::Not, lines.back());
    negation->operands.push_back(std::move(expr));
    DSRT_ASSIGN_OR_RETURN(expr, finish(std::move(negation)));
  }
  return expr;
}

StatusOr<ExprPtr> Parser::parseCompare() {
  int line = current().line;
  DSRT_ASSIGN_OR_RETURN(ExprPtr first, parseSum());
  ExprPtr compare = make(Expr::Compare, line);
  compare->operands.push_back(std::move(first));
  while (true) {
    std::string comparison;
    if (current().kind == Token::Operator && (isOperator("==") || isOperator("!=") || isOperator("<") ||
                                              isOperator("<=") || isOperator(">") || isOperator(">="))) {
      comparison = next().text;
    } else if (takeName("in")) {
      comparison = "in";
    } else if (isName("not") && tokens[at + 1].kind == Token::Name && tokens[at + 1].text == "in") {
      at += 2;
      comparison = "not in";
    } else {
      break;
    }
    DSRT_ASSIGN_OR_RETURN(ExprPtr operand, parseSum());
    compare->comparisons.push_back(std::move(comparison));
    compare->operands.push_back(std::move(operand));
  }
  return compare->comparisons.empty() ? std::move(compare->operands[0]) : finish(std::move(compare));
}

StatusOr<ExprPtr> Parser::parseLeftAssociative(Level operand, std::initializer_list<std::string_view> operators) {
  DSRT_ASSIGN_OR_RETURN(ExprPtr left, (this->*operand)());
  while (std::any_of(operators.begin(), operators.end(), [&](std::string_view op) { return isOperator(op); })) {
    const Token &op = next();
    DSRT_ASSIGN_OR_RETURN(ExprPtr right, (this->*operand)());
    DSRT_ASSIGN_OR_RETURN(left, binary(Expr::Arithmetic, op.line, std::move(left), std::move(right), op.text));
  }
  return left;
}

StatusOr<ExprPtr> Parser::parseSum() { return parseLeftAssociative(&Parser::parseConcat, {"+", "-"}); }

StatusOr<ExprPtr> Parser::parseConcat() {
  int line = current().line;
  DSRT_ASSIGN_OR_RETURN(ExprPtr first, parseProduct());
  if (!isOperator("~"))
    return first;
  ExprPtr concat = make(Expr::Concat, line);
  concat->operands.push_back(std::move(first));
  while (takeOperator("~")) {
    DSRT_ASSIGN_OR_RETURN(ExprPtr operand, parseProduct());
    concat->operands.push_back(std::move(operand));
  }
  return finish(std::move(concat));
}

StatusOr<ExprPtr> Parser::parseProduct() { return parseLeftAssociative(&Parser::parsePower, {"*", "/", "//", "%"}); }

// Jinja's ** is left-associative and binds weaker than a sign, unlike Python's.
StatusOr<ExprPtr> Parser::parsePower() {
  DSRT_ASSIGN_OR_RETURN(ExprPtr left, parseUnary());
  while (isOperator("**")) {
    int line = next().line;
    DSRT_ASSIGN_OR_RETURN(ExprPtr right, parseUnary());
    DSRT_ASSIGN_OR_RETURN(left, binary(Expr::Arithmetic, line, std::move(left), std::move(right), "**"));
  }
  return left;
}

StatusOr<ExprPtr> Parser::parseUnary(bool withFilters) {
  if (++nesting > maxNesting)
    return fail(current().line, "brackets and blocks nest deeper than " + std::to_string(maxNesting));
  ExprPtr expr;
  if (isOperator("-") || isOperator("+")) {
    const Token &sign = next();
    expr = make(sign.text == "-" ? Expr::Negate : Expr::Plus, sign.line);
    DSRT_ASSIGN_OR_RETURN(ExprPtr operand, parseUnary(/*withFilters=*/false));
    expr->operands.push_back(std::move(operand));
    DSRT_ASSIGN_OR_RETURN(expr, finish(std::move(expr)));
  } else {
    DSRT_ASSIGN_OR_RETURN(expr, parsePrimary());
  }
  DSRT_ASSIGN_OR_RETURN(expr, parsePostfix(std::move(expr)));
  if (withFilters) {
    DSRT_ASSIGN_OR_RETURN(expr, parseFilters(std::move(expr)));
  }
  --nesting;
  return expr;
}

StatusOr<ExprPtr> Parser::parsePrimary() {
  const Token &token = current();
  ExprPtr literal = make(Expr::Literal, token.line);
  switch (token.kind) {
  case Token::String: {
    std::string text;
    while (current().kind == Token::String) // neighbours are one string
      text += next().text;
    literal->value = Value(std::move(text));
    return literal;
  }
  case Token::Integer:
    literal->value = Value(next().integer);
    return literal;
  case Token::Float:
    literal->value = Value(next().number);
    return literal;
  case Token::Name: {
    std::string name = next().text;
    if (name == "true" || name == "True" || name == "false" || name == "False")
      literal->value = Value(name == "true" || name == "True");
    else if (name != "none" && name != "None") {
      literal->kind = Expr::Name;
      literal->name = std::move(name);
    }
    return literal;
  }
  case Token::Operator:
    break;
  default:
    return unexpected("an expression");
  }
  if (takeOperator("(")) {
    if (takeOperator(")")) {
      literal->kind = Expr::ListOf;
      literal->name = "tuple";
      return literal;
    }
    DSRT_ASSIGN_OR_RETURN(ExprPtr inner, parseTuple());
    DSRT_RETURN_IF_ERROR(expectOperator(")"));
    return inner;
  }
  if (takeOperator("[")) {
    ExprPtr list = make(Expr::ListOf, token.line);
    while (!takeOperator("]")) {
      if (!list->operands.empty()) {
        DSRT_RETURN_IF_ERROR(expectOperator(","));
        if (takeOperator("]"))
          break;
      }
      DSRT_ASSIGN_OR_RETURN(ExprPtr item, parseExpression());
      list->operands.push_back(std::move(item));
    }
    return finish(std::move(list));
  }
  if (isOperator("{"))
    return parseDict();
  return unexpected("an expression");
}

StatusOr<ExprPtr> Parser::parseDict() {
  ExprPtr dict = make(Expr::DictOf, next().line);
  while (!takeOperator("}")) {
    if (!dict->operands.empty()) {
      DSRT_RETURN_IF_ERROR(expectOperator(","));
      if (takeOperator("}"))
        break;
    }
    DSRT_ASSIGN_OR_RETURN(ExprPtr key, parseExpression());
    DSRT_RETURN_IF_ERROR(expectOperator(":"));
    DSRT_ASSIGN_OR_RETURN(ExprPtr value, parseExpression());
    dict->operands.push_back(std::move(key));
    dict->operands.push_back(std::move(value));
  }
  return finish(std::move(dict));
}

StatusOr<ExprPtr> Parser::parsePostfix(ExprPtr expr) {
  while (true) {
    int line = current().line;
    if (takeOperator(".")) {
      if (current().kind == Token::Integer) {
        ExprPtr index = make(Expr::Literal, line);
        index->value = Value(next().integer);
        DSRT_ASSIGN_OR_RETURN(expr, binary(Expr::Item, line, std::move(expr), std::move(index)));
        continue;
      }
      DSRT_ASSIGN_OR_RETURN(std::string name, expectName());
      ExprPtr attribute = make(Expr::Attribute, line);
      attribute->name = std::move(name);
      attribute->operands.push_back(std::move(expr));
      DSRT_ASSIGN_OR_RETURN(expr, finish(std::move(attribute)));
    } else if (takeOperator("[")) {
      DSRT_ASSIGN_OR_RETURN(expr, parseSubscript(std::move(expr)));
    } else if (isOperator("(")) {
      ExprPtr call = make(Expr::Call, line);
      call->operands.push_back(std::move(expr));
      DSRT_RETURN_IF_ERROR(parseArguments(*call));
      DSRT_ASSIGN_OR_RETURN(expr, finish(std::move(call)));
    } else {
      return expr;
    }
  }
}

// From behind '[' to behind ']': an index, or a slice with up to three parts.
StatusOr<ExprPtr> Parser::parseSubscript(ExprPtr operand) {
  int line = current().line;
  ExprPtr parts[3];
  int colons = 0;
  for (; !isOperator("]");) {
    if (takeOperator(":")) {
      if (++colons > 2)
        return fail(line, "a slice has more than three parts");
      continue;
    }
    if (parts[colons])
      return unexpected("']'");
    DSRT_ASSIGN_OR_RETURN(parts[colons], parseExpression());
  }
  DSRT_RETURN_IF_ERROR(expectOperator("]"));
  if (colons == 0 && !parts[0])
    return fail(line, "an index is missing");
  if (colons == 0)
    return binary(Expr::Item, line, std::move(operand), std::move(parts[0]));
  ExprPtr slice = make(Expr::Slice, line);
  slice->operands.push_back(std::move(operand));
  for (ExprPtr &part : parts)
    slice->operands.push_back(std::move(part));
  return finish(std::move(slice));
}

Status Parser::parseArguments(Expr &call) {
  DSRT_RETURN_IF_ERROR(expectOperator("("));
  bool first = true;
  while (!takeOperator(")")) {
    if (!first) {
      DSRT_RETURN_IF_ERROR(expectOperator(","));
      if (takeOperator(")"))
        break;
    }
    first = false;
    if (isOperator("*") || isOperator("**"))
      return fail(current().line, "unsupported '" + current().text + "' in the arguments of a call");
    const Token &after = tokens[std::min(at + 1, tokens.size() - 1)];
    if (current().kind == Token::Name && after.kind == Token::Operator && after.text == "=") {
      std::string name = next().text;
      next();
      DSRT_ASSIGN_OR_RETURN(ExprPtr value, parseExpression());
      call.keywords.emplace_back(std::move(name), std::move(value));
    } else {
      if (!call.keywords.empty())
        return fail(current().line, "an argument without a name follows one with a name");
      DSRT_ASSIGN_OR_RETURN(ExprPtr value, parseExpression());
      call.operands.push_back(std::move(value));
    }
  }
  return {};
}

StatusOr<ExprPtr> Parser::parseFilters(ExprPtr expr) {
  while (true) {
    int line = current().line;
    if (takeOperator("|")) {
      ExprPtr filter = make(Expr::Filter, line);
      DSRT_ASSIGN_OR_RETURN(filter->name, expectName());
      filter->operands.push_back(std::move(expr));
      if (isOperator("("))
        DSRT_RETURN_IF_ERROR(parseArguments(*filter));
      DSRT_ASSIGN_OR_RETURN(expr, finish(std::move(filter)));
    } else if (takeName("is")) {
      DSRT_ASSIGN_OR_RETURN(expr, parseTest(std::move(expr)));
    } else {
      return expr;
    }
  }
}

// Behind "is". A test takes one argument without brackets, too.
StatusOr<ExprPtr> Parser::parseTest(ExprPtr operand) {
  int line = current().line;
  bool negated = takeName("not");
  ExprPtr test = make(Expr::Test, line);
  DSRT_ASSIGN_OR_RETURN(test->name, expectName());
  test->operands.push_back(std::move(operand));
  Token::Kind kind = current().kind;
  if (isOperator("(")) {
    DSRT_RETURN_IF_ERROR(parseArguments(*test));
    if (!test->keywords.empty())
      return fail(line, "unsupported named argument of test '" + test->name + "'");
  } else if (isName("is")) {
    return fail(line, "unsupported chain of tests");
  } else if (kind == Token::String || kind == Token::Integer || kind == Token::Float || isOperator("[") ||
             isOperator("{") ||
             (kind == Token::Name && !isName("else") && !isName("or") && !isName("and") && !isName("if"))) {
    if (++nesting > maxNesting)
      return fail(line, "brackets and blocks nest deeper than " + std::to_string(maxNesting));
    DSRT_ASSIGN_OR_RETURN(ExprPtr argument, parsePrimary());
    DSRT_ASSIGN_OR_RETURN(argument, parsePostfix(std::move(argument)));
    test->operands.push_back(std::move(argument));
    --nesting;
  }
  DSRT_ASSIGN_OR_RETURN(ExprPtr expr, finish(std::move(test)));
  if (!negated)
    return expr;
  ExprPtr negation = make(Expr::Not, line);
  negation->operands.push_back(std::move(expr));
  return finish(std::move(negation));
}

} // namespace dsrt::jinja
