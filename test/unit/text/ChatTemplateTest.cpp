// The language itself is compared with Jinja by compare_templates.py; here are the published templates, the messages of
// errors, and the bounds.
#include "runtime/text/ChatTemplate.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

using namespace dsrt;
using nlohmann::ordered_json;

static std::string readFile(const std::string &path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

static const std::vector<ChatMessage> conversation = {{"system", "One."},
                                                      {"system", "Two."},
                                                      {"user", "Hi"},
                                                      {"assistant", "<think>well</think>\n\nHi there"},
                                                      {"user", ""}};

static std::string renderPublished(const char *name, const ordered_json &variables = ordered_json::object()) {
  StatusOr<ChatTemplate> chat =
      ChatTemplate::parse(readFile(std::string(TEXT_TEMPLATES "/") + name), name, "<bos>", "<eos>");
  EXPECT_TRUE(chat.ok()) << chat.status().message();
  StatusOr<std::string> text = chat->apply(conversation, true, variables);
  EXPECT_TRUE(text.ok()) << text.status().message();
  return *text;
}

// The texts are those that jinja2 prints.
TEST(ChatTemplate, RendersPublishedTemplates) {
  EXPECT_EQ(renderPublished("deepseek-v2-chat.jinja"),
            "<bos>One.\n\nTwo.\n\nUser: Hi\n\nAssistant: <think>well</think>\n\nHi there<eos>User: \n\nAssistant:");
  EXPECT_EQ(renderPublished("deepseek-v3.jinja"), "<bos>Two.<｜User｜>Hi<｜Assistant｜><think>well</think>\n\nHi "
                                                  "there<｜end▁of▁sentence｜><｜User｜><｜Assistant｜>");
  EXPECT_EQ(renderPublished("deepseek-r1.jinja"), "<bos>One.\n\nTwo.<｜User｜>Hi<｜Assistant｜>\n\nHi "
                                                  "there<｜end▁of▁sentence｜><｜User｜><｜Assistant｜><think>\n");
  EXPECT_EQ(renderPublished("deepseek-v3.1.jinja"), "<bos>One.\n\nTwo.<｜User｜>Hi<｜Assistant｜></think>\n\nHi "
                                                    "there<｜end▁of▁sentence｜><｜User｜><｜Assistant｜></think>");
  EXPECT_TRUE(renderPublished("deepseek-v3.1.jinja", {{"thinking", true}}).ends_with("<｜Assistant｜><think>"));
}

static std::string render(std::string_view source, const ordered_json &variables = ordered_json::object()) {
  StatusOr<ChatTemplate> chat = ChatTemplate::parse(source, "t", "<bos>", "");
  if (!chat.ok())
    return chat.status().message();
  StatusOr<std::string> text = chat->apply(conversation, false, variables);
  return text.ok() ? *text : text.status().message();
}

TEST(ChatTemplate, PassesVariables) {
  EXPECT_EQ(render("{{ bos_token }}{{ eos_token is defined }}{{ tools is none }}{{ add_generation_prompt }}"),
            "<bos>FalseTrueFalse");
  EXPECT_EQ(render("{{ thinking }}", {{"thinking", true}}), "True");
  EXPECT_EQ(render("{{ tools|tojson }}", {{"tools", {{{"z", 1}, {"a", 2}}}}}), R"([{"z": 1, "a": 2}])");
}

TEST(ChatTemplate, ErrorsGiveTheLine) {
  EXPECT_EQ(render("a\n{% if x %}\n\n{{ 1 + }}{% endif %}"), "t:4: unexpected '}}', expected an expression");
  EXPECT_EQ(render("\n\n{% macro m() %}{% endmacro %}"), "t:3: unsupported statement 'macro'");
  EXPECT_EQ(render("{% if true %}\n{% for i in [1] %}\n{% endif %}"), "t:3: 'endif' ends nothing that is open");
  EXPECT_EQ(render("\n{% if true %}\n"), "t:2: 'if' has no 'endif'");
  EXPECT_EQ(render("\n{{ 'abc }}"), "t:2: a string is not closed");
  EXPECT_EQ(render("\n\n{{ 'a' +\n missing }}"), "t:3: 'missing' is undefined");
  EXPECT_EQ(render("\n{{ 1 | nosuch }}"), "t:2: unsupported filter 'nosuch'");
  EXPECT_EQ(render("\n{{ 1 + 'a' }}"), "t:2: unsupported '+' between values of type int and str");
  EXPECT_EQ(render("\n{{ raise_exception('roles must alternate') }}"),
            "t:2: the template refuses this conversation: roles must alternate");
  EXPECT_EQ(render("{{ \xff }}"), "t is not UTF-8 at byte 3");
}

TEST(ChatTemplate, RefusesBadConversations) {
  StatusOr<ChatTemplate> chat = ChatTemplate::parse("{{ messages }}", "t", "", "");
  ASSERT_TRUE(chat.ok());
  auto errorOf = [&](const ordered_json &messages) {
    StatusOr<std::string> text = chat->apply(messages, false);
    return text.ok() ? "no error" : text.status().message();
  };
  EXPECT_EQ(errorOf("x"), "a chat template needs an array of messages and an object of variables");
  EXPECT_EQ(errorOf({1}), "message 0 of the conversation is not an object with a role");
  EXPECT_EQ(errorOf({{{"role", "user"}, {"content", "\xff"}}}),
            "the conversation has text that is not UTF-8 at byte 0");
  ordered_json deep = 1;
  for (int i = 0; i < 200; ++i)
    deep = ordered_json::array({deep});
  EXPECT_EQ(errorOf({{{"role", "user"}, {"content", deep}}}), "the conversation nests deeper than 100");
}

// Loops, memory and recursion end with an error, soon.
TEST(ChatTemplate, IsBounded) {
  auto start = std::chrono::steady_clock::now();
  const std::string tooMuch = "does too much work";
  for (const char *source :
       {"{% for i in range(1000000000) %}{% endfor %}",
        "{% for i in range(3000) %}{% for j in range(3000) %}{% set x = i %}{% endfor %}{% endfor %}",
        "{{ 'a' * 99999999999 }}", "{{ [1] * 99999999999 }}", "{{ 'aaaa'|replace('a', 'a' * 100000000) }}",
        "{% set ns = namespace(s='ab') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
        // Small values that share their parts: long to print and to compare.
        "{% set ns = namespace(s=[]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
        "{% set ns = namespace(s=[], t=[]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}"
        "{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.s == ns.t }}"})
    EXPECT_NE(render(source).find(tooMuch), std::string::npos) << source;
  EXPECT_NE(render("{% set ns = namespace(s=[]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}"
                   "{{ ns.s|tojson }}")
                .find("the JSON text is too long"),
            std::string::npos);
  EXPECT_NE(render("{% set ns = namespace(s=[]) %}{% for i in range(500) %}{% set ns.s = [ns.s] %}{% endfor %}")
                .find("nest deeper than 100"),
            std::string::npos);
  EXPECT_NE(render("{% set ns = namespace() %}{% set ns.me = ns %}").find("cannot be stored"), std::string::npos);
  EXPECT_NE(render("{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}").find("nest deeper"),
            std::string::npos);
  EXPECT_NE(render("{{ " + std::string(5000, '-') + "1 }}").find("nest deeper"), std::string::npos);
  std::string sum = "{{ 1", blocks;
  for (int i = 0; i < 5000; ++i) {
    sum += " + 1";
    blocks += "{% if true %}";
  }
  EXPECT_NE(render(sum + " }}").find("nests deeper than 200"), std::string::npos);
  EXPECT_NE(render(blocks).find("nest deeper"), std::string::npos);
  EXPECT_NE(render(std::string((1 << 20) + 1, 'x')).find("expected at most"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(120));
}

// What may still nest must fit the stack, also in a sanitizer's build.
TEST(ChatTemplate, DeepTemplatesRun) {
  std::string open, close, brackets;
  for (int i = 0; i < 25; ++i) {
    open += "{% for i in [1] %}{% if true %}";
    close += "{% endif %}{% endfor %}";
  }
  std::string sum = "1";
  for (int i = 0; i < 190; ++i)
    sum += " + 1";
  EXPECT_EQ(render(open + "{{ " + sum + " }}" + close), "191");
}

//===- Files
//-------------------------------------------------------------------------------------------------------===//

class ChatTemplateFiles : public testing::Test {
protected:
  void SetUp() override {
    directory = testing::TempDir() + "chat-template-test";
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
  }
  void write(const char *name, const std::string &text) { std::ofstream(directory + "/" + name) << text; }
  std::string load() {
    StatusOr<ChatTemplate> chat = ChatTemplate::load(directory);
    if (!chat.ok())
      return chat.status().message();
    StatusOr<std::string> text = chat->apply(conversation, false);
    return text.ok() ? *text : text.status().message();
  }
  std::string directory;
};

TEST_F(ChatTemplateFiles, PrefersTheFile) {
  write("tokenizer_config.json",
        R"({"chat_template": "from config {{ bos_token }}", "bos_token": {"content": "<b>"}})");
  EXPECT_EQ(load(), "from config <b>");
  write("chat_template.jinja", "from file {{ bos_token }}");
  EXPECT_EQ(load(), "from file <b>");
}

TEST_F(ChatTemplateFiles, TakesTheDefaultOfSeveral) {
  write("tokenizer_config.json",
        R"({"chat_template": [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "y"}]})");
  EXPECT_EQ(load(), "y");
  write("tokenizer_config.json", R"({"chat_template": [{"name": "tool_use", "template": "x"}]})");
  EXPECT_EQ(load(), directory + "/tokenizer_config.json.chat_template has no template named 'default'");
}

TEST_F(ChatTemplateFiles, SaysWhatIsMissing) {
  EXPECT_EQ(load(), directory + " has neither chat_template.jinja nor tokenizer_config.json, so no chat template");
  write("tokenizer_config.json", "{}");
  EXPECT_EQ(load(), directory + "/tokenizer_config.json has no chat_template, and there is no chat_template.jinja");
  write("tokenizer_config.json", R"({"chat_template": 3})");
  EXPECT_EQ(load(),
            directory + "/tokenizer_config.json.chat_template must be a string or an array of named templates, got 3");
  write("tokenizer_config.json", R"({"chat_template": "\n{{ x"})");
  EXPECT_EQ(load().find(directory + "/tokenizer_config.json.chat_template:2: a tag is not closed"), 0u);
}
