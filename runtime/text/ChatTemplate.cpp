#include "runtime/text/ChatTemplate.h"
#include "runtime/core/MappedFile.h"
#include "runtime/text/Fields.h"
#include "runtime/text/jinja/Evaluator.h"

#include <filesystem>

namespace dsrt {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr size_t maxFileBytes = 16 << 20;

// The template of tokenizer_config.json.
StatusOr<std::string> templateOf(const JsonObject &config) {
  const json *field = config.find("chat_template");
  if (!field)
    return Status::error(config.where() + " has no chat_template, and there is no chat_template.jinja");
  if (field->is_string())
    return field->get<std::string>();
  if (!field->is_array())
    return Status::error(config.where("chat_template") + " must be a string or an array of named templates, got " +
                         describeJson(*field));
  for (size_t i = 0; i < field->size(); ++i) {
    DSRT_ASSIGN_OR_RETURN(JsonObject entry,
                          JsonObject::of((*field)[i], config.where("chat_template") + "[" + std::to_string(i) + "]"));
    DSRT_ASSIGN_OR_RETURN(std::string name, entry.string("name"));
    if (name == "default")
      return entry.string("template");
  }
  return Status::error(config.where("chat_template") + " has no template named 'default'");
}

} // namespace

struct ChatTemplate::Parsed {
  std::string where;
  std::string bosToken, eosToken;
  jinja::Block block;
};

StatusOr<ChatTemplate> ChatTemplate::load(const std::string &directory) {
  std::string configPath = directory + "/tokenizer_config.json", templatePath = directory + "/chat_template.jinja";
  std::error_code error;
  bool hasConfig = std::filesystem::exists(configPath, error),
       hasTemplate = std::filesystem::exists(templatePath, error);
  if (!hasConfig && !hasTemplate)
    return Status::error(directory + " has neither chat_template.jinja nor tokenizer_config.json, so no chat template");
  json document = json::object();
  if (hasConfig) {
    DSRT_ASSIGN_OR_RETURN(std::string text, readTextFile(configPath, maxFileBytes));
    DSRT_ASSIGN_OR_RETURN(document, parseJson(text, configPath));
  }
  DSRT_ASSIGN_OR_RETURN(JsonObject config, JsonObject::of(document, configPath));
  std::string source, where = hasTemplate ? templatePath : config.where("chat_template");
  if (hasTemplate) {
    DSRT_ASSIGN_OR_RETURN(source, readTextFile(templatePath, maxFileBytes));
  } else {
    DSRT_ASSIGN_OR_RETURN(source, templateOf(config));
  }
  DSRT_ASSIGN_OR_RETURN(std::optional<std::string> bos, configToken(config, "bos_token"));
  DSRT_ASSIGN_OR_RETURN(std::optional<std::string> eos, configToken(config, "eos_token"));
  return parse(source, where, bos.value_or(""), eos.value_or(""));
}

StatusOr<ChatTemplate> ChatTemplate::parse(std::string_view source, const std::string &where,
                                           const std::string &bosToken, const std::string &eosToken) {
  auto parsed = std::make_shared<Parsed>();
  parsed->where = where;
  parsed->bosToken = bosToken;
  parsed->eosToken = eosToken;
  DSRT_ASSIGN_OR_RETURN(parsed->block, jinja::parseTemplate(source, where));
  return ChatTemplate(std::move(parsed));
}

StatusOr<std::string> ChatTemplate::apply(std::span<const ChatMessage> messages, bool addGenerationPrompt,
                                          const ordered_json &variables) const {
  ordered_json array = ordered_json::array();
  for (const ChatMessage &message : messages)
    array.push_back(ordered_json{{"role", message.role}, {"content", message.content}});
  return apply(array, addGenerationPrompt, variables);
}

StatusOr<std::string> ChatTemplate::apply(const ordered_json &messages, bool addGenerationPrompt,
                                          const ordered_json &variables) const {
  if (!messages.is_array() || !variables.is_object())
    return Status::error("a chat template needs an array of messages and an object of variables");
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!messages[i].is_object() || !messages[i].contains("role"))
      return Status::error("message " + std::to_string(i) + " of the conversation is not an object with a role");
  }
  DSRT_ASSIGN_OR_RETURN(jinja::Value list, jinja::fromJson(messages, "the conversation"));
  std::vector<std::pair<std::string, jinja::Value>> globals = {
      {"messages", std::move(list)}, {"add_generation_prompt", jinja::Value(addGenerationPrompt)}};
  if (!parsed->bosToken.empty())
    globals.emplace_back("bos_token", jinja::Value(parsed->bosToken));
  if (!parsed->eosToken.empty())
    globals.emplace_back("eos_token", jinja::Value(parsed->eosToken));
  for (const auto &[name, value] : variables.items()) {
    DSRT_ASSIGN_OR_RETURN(jinja::Value converted, jinja::fromJson(value, "the variable '" + name + "'"));
    globals.emplace_back(name, std::move(converted));
  }
  // Templates may ask whether these are none; the first of a name counts.
  globals.emplace_back("tools", jinja::Value());
  globals.emplace_back("documents", jinja::Value());
  return jinja::Evaluator(parsed->where, std::move(globals)).run(parsed->block);
}

} // namespace dsrt
