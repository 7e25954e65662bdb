#include "runtime/text/jinja/Parser.h"

#include <algorithm>

namespace dsrt::jinja {

namespace {
constexpr int maxBlockNesting = 64;
}

Status Parser::expectOperator(std::string_view text) {
  if (takeOperator(text))
    return {};
  return unexpected("'" + std::string(text) + "'");
}

StatusOr<std::string> Parser::expectName() {
  if (current().kind != Token::Name)
    return unexpected("a name");
  return next().text;
}

Status Parser::expectBlockEnd() {
  if (current().kind != Token::BlockEnd)
    return unexpected("'%}'");
  next();
  return {};
}

Status Parser::unexpected(const std::string &expected) const {
  const Token &token = current();
  std::string found;
  switch (token.kind) {
  case Token::Text:
    found = "text";
    break;
  case Token::VariableBegin:
    found = "'{{'";
    break;
  case Token::VariableEnd:
    found = "'}}'";
    break;
  case Token::BlockBegin:
    found = "'{%'";
    break;
  case Token::BlockEnd:
    found = "'%}'";
    break;
  case Token::String:
    found = "a string";
    break;
  case Token::End:
    found = "the end of the template";
    break;
  default:
    found = "'" + token.text + "'";
  }
  return fail(token.line, "unexpected " + found + ", expected " + expected);
}

StatusOr<Block> Parser::parse() { return parseBlock({}, nullptr); }

StatusOr<Block> Parser::parseBlock(std::initializer_list<std::string_view> ends, const Token *opener) {
  if (++nesting > maxBlockNesting)
    return fail(current().line, "brackets and blocks nest deeper than " + std::to_string(maxBlockNesting));
  Block block;
  while (true) {
    const Token &token = next();
    switch (token.kind) {
    case Token::Text:
      block.emplace_back(Stmt::Text, token.line);
      block.back().text = token.text;
      continue;
    case Token::VariableBegin: {
      Stmt output(Stmt::Output, token.line);
      DSRT_ASSIGN_OR_RETURN(output.expr, parseTuple());
      if (current().kind != Token::VariableEnd)
        return unexpected("'}}'");
      next();
      block.push_back(std::move(output));
      continue;
    }
    case Token::BlockBegin:
      if (std::any_of(ends.begin(), ends.end(), [&](std::string_view end) { return isName(end); })) {
        --nesting;
        return block;
      }
      DSRT_RETURN_IF_ERROR(parseStatement(block));
      continue;
    default:
      if (opener)
        return fail(opener->line, "'" + opener->text + "' has no 'end" + opener->text + "'");
      --nesting;
      return block;
    }
  }
}

Status Parser::parseStatement(Block &out) {
  const Token &keyword = current();
  if (keyword.kind != Token::Name)
    return unexpected("a statement");
  next();
  const std::string &name = keyword.text;
  Stmt stmt(Stmt::Nested, keyword.line);
  if (name == "if") {
    DSRT_RETURN_IF_ERROR(parseIf(stmt));
  } else if (name == "for") {
    DSRT_RETURN_IF_ERROR(parseFor(stmt));
  } else if (name == "set") {
    DSRT_RETURN_IF_ERROR(parseSet(stmt));
  } else if (name == "break" || name == "continue") {
    if (loopDepth == 0)
      return fail(keyword.line, "'" + name + "' stands outside of a loop");
    stmt.kind = name == "break" ? Stmt::Break : Stmt::Continue;
    DSRT_RETURN_IF_ERROR(expectBlockEnd());
  } else if (name == "generation") {
    // Marks what an assistant says; it prints its contents.
    DSRT_RETURN_IF_ERROR(expectBlockEnd());
    DSRT_ASSIGN_OR_RETURN(stmt.body, parseBlock({"endgeneration"}, &keyword));
    next();
    DSRT_RETURN_IF_ERROR(expectBlockEnd());
  } else if (name.starts_with("end") || name == "else" || name == "elif") {
    return fail(keyword.line, "'" + name + "' ends nothing that is open");
  } else {
    return fail(keyword.line, "unsupported statement '" + name + "'");
  }
  out.push_back(std::move(stmt));
  return {};
}

Status Parser::parseIf(Stmt &stmt) {
  const Token &opener = tokens[at - 1];
  stmt.kind = Stmt::If;
  while (true) {
    DSRT_ASSIGN_OR_RETURN(ExprPtr condition, parseTuple());
    DSRT_RETURN_IF_ERROR(expectBlockEnd());
    DSRT_ASSIGN_OR_RETURN(Block body, parseBlock({"elif", "else", "endif"}, &opener));
    stmt.branches.emplace_back(std::move(condition), std::move(body));
    if (!takeName("elif"))
      break;
  }
  if (takeName("else")) {
    DSRT_RETURN_IF_ERROR(expectBlockEnd());
    DSRT_ASSIGN_OR_RETURN(stmt.otherwise, parseBlock({"endif"}, &opener));
  }
  next();
  return expectBlockEnd();
}

// Names with commas between them, with or without brackets.
Status Parser::parseTargets(std::vector<std::string> &targets) {
  bool bracket = takeOperator("(");
  do {
    if (!targets.empty() && (isOperator(")") || isName("in") || isOperator("=")))
      break;
    DSRT_ASSIGN_OR_RETURN(std::string name, expectName());
    static constexpr std::string_view reserved[] = {"true", "false", "none", "True", "False", "None"};
    if (std::find(std::begin(reserved), std::end(reserved), name) != std::end(reserved))
      return fail(current().line, "'" + name + "' cannot be set");
    targets.push_back(std::move(name));
  } while (takeOperator(","));
  return bracket ? expectOperator(")") : Status();
}

Status Parser::parseFor(Stmt &stmt) {
  const Token &opener = tokens[at - 1];
  stmt.kind = Stmt::For;
  DSRT_RETURN_IF_ERROR(parseTargets(stmt.targets));
  if (!takeName("in"))
    return unexpected("'in'");
  DSRT_ASSIGN_OR_RETURN(stmt.expr, parseExpression(/*withConditional=*/false));
  if (takeName("if")) {
    DSRT_ASSIGN_OR_RETURN(stmt.condition, parseExpression());
  }
  if (isName("recursive"))
    return fail(current().line, "unsupported 'recursive' loop");
  DSRT_RETURN_IF_ERROR(expectBlockEnd());
  ++loopDepth;
  DSRT_ASSIGN_OR_RETURN(stmt.body, parseBlock({"else", "endfor"}, &opener));
  --loopDepth;
  if (takeName("else")) {
    DSRT_RETURN_IF_ERROR(expectBlockEnd());
    DSRT_ASSIGN_OR_RETURN(stmt.otherwise, parseBlock({"endfor"}, &opener));
  }
  next();
  return expectBlockEnd();
}

Status Parser::parseSet(Stmt &stmt) {
  const Token &opener = tokens[at - 1];
  stmt.kind = Stmt::Set;
  DSRT_RETURN_IF_ERROR(parseTargets(stmt.targets));
  if (stmt.targets.size() == 1 && takeOperator(".")) {
    DSRT_ASSIGN_OR_RETURN(stmt.attribute, expectName());
  }
  if (takeOperator("=")) {
    DSRT_ASSIGN_OR_RETURN(stmt.expr, parseTuple());
    return expectBlockEnd();
  }
  if (stmt.targets.size() != 1 || !stmt.attribute.empty() || current().kind != Token::BlockEnd)
    return unexpected("'='");
  next();
  stmt.kind = Stmt::SetBlock;
  DSRT_ASSIGN_OR_RETURN(stmt.body, parseBlock({"endset"}, &opener));
  next();
  return expectBlockEnd();
}

StatusOr<Block> parseTemplate(std::string_view source, const std::string &where) {
  DSRT_ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(source, where));
  return Parser(std::move(tokens), where).parse();
}

} // namespace dsrt::jinja
