#include "runtime/text/BpeModel.h"
#include "runtime/text/ByteLevel.h"
#include "runtime/text/Fields.h"
#include "runtime/text/Unicode.h"

#include <algorithm>
#include <bit>

namespace dsrt {

using nlohmann::json;

namespace {

// Far above any vocabulary, and small enough for tables indexed by id.
constexpr int64_t maxTokenId = (1 << 22) - 1;

size_t hashPair(uint64_t pair) {
  pair *= 0x9E3779B97F4A7C15; // 2^64 / golden ratio: spreads consecutive ids
  return size_t(pair ^ pair >> 32);
}

// Refuses a field that is present with a value other than null, false, 0 or "".
Status expectUnset(const JsonObject &object, const char *field, const char *meaning) {
  const json *value = object.find(field);
  if (!value || (value->is_boolean() && !value->get<bool>()) || *value == "" ||
      (value->is_number() && value->get<double>() == 0))
    return {};
  return Status::error(object.where(field) + " is " + describeJson(*value) + ", but " + meaning + " is not supported");
}

} // namespace

StatusOr<BpeModel> BpeModel::parse(const json &field, const std::string &where) {
  DSRT_ASSIGN_OR_RETURN(JsonObject object, JsonObject::of(field, where));
  if (object.find("type")) {
    DSRT_ASSIGN_OR_RETURN(std::string type, object.string("type"));
    if (type != "BPE")
      return Status::error(object.where("type") + " is '" + type + "', expected BPE");
  }
  DSRT_RETURN_IF_ERROR(expectUnset(object, "dropout", "dropout"));
  DSRT_RETURN_IF_ERROR(expectUnset(object, "byte_fallback", "byte fallback"));
  DSRT_RETURN_IF_ERROR(expectUnset(object, "continuing_subword_prefix", "a subword prefix"));
  DSRT_RETURN_IF_ERROR(expectUnset(object, "end_of_word_suffix", "a word suffix"));

  BpeModel model;
  DSRT_ASSIGN_OR_RETURN(const json *vocab, object.field("vocab"));
  DSRT_RETURN_IF_ERROR(model.parseVocab(*vocab, object.where("vocab")));
  DSRT_ASSIGN_OR_RETURN(const json *merges, object.array("merges"));
  DSRT_RETURN_IF_ERROR(model.parseMerges(*merges, object.where("merges")));

  if (object.find("unk_token")) {
    DSRT_ASSIGN_OR_RETURN(std::string unknown, object.string("unk_token"));
    auto it = model.vocab.find(unknown);
    if (it == model.vocab.end())
      return Status::error(object.where("unk_token") + " is '" + unknown + "', which is not in the vocabulary");
    model.unknownId = it->second;
  }
  DSRT_ASSIGN_OR_RETURN(model.fuseUnknown, optionalBoolean(object, "fuse_unk", false));
  DSRT_ASSIGN_OR_RETURN(bool ignoreMerges, optionalBoolean(object, "ignore_merges", false));
  for (int byte = 0; byte < 256; ++byte) {
    std::string spelled;
    appendUtf8(spelled, byteLevelAlphabet()[byte]);
    auto it = model.vocab.find(spelled);
    model.byteIds[byte] = it == model.vocab.end() ? -1 : it->second;
  }
  if (ignoreMerges) {
    for (const auto &[token, id] : model.vocab) {
      if (std::optional<std::string> bytes = byteLevelDecode(token))
        model.wholeWords.emplace(std::move(*bytes), id);
    }
  }
  return model;
}

Status BpeModel::parseVocab(const json &field, const std::string &where) {
  if (!field.is_object())
    return Status::error(where + " must be an object of token ids, got " + describeJson(field));
  vocab.reserve(field.size());
  std::unordered_map<int32_t, std::string_view> byId;
  byId.reserve(field.size());
  for (const auto &[token, value] : field.items()) {
    DSRT_ASSIGN_OR_RETURN(int64_t id, jsonInteger(value, where + "['" + token + "']", 0, maxTokenId));
    auto [it, isNew] = vocab.emplace(token, int32_t(id));
    auto [other, idIsNew] = byId.emplace(int32_t(id), it->first);
    if (!idIsNew)
      return Status::error(where + ": '" + token + "' and '" + std::string(other->second) + "' both have id " +
                           std::to_string(id));
  }
  return {};
}

Status BpeModel::parseMerges(const json &field, const std::string &where) {
  merges.resize(std::bit_ceil(2 * field.size() + 2));
  uint32_t rank = 0;
  for (size_t i = 0; i < field.size(); ++i) {
    const json &entry = field[i];
    std::string left, right;
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      left = entry[0].get<std::string>();
      right = entry[1].get<std::string>();
    } else if (entry.is_string()) {
      const auto &text = entry.get_ref<const std::string &>();
      if (text.starts_with("#version"))
        continue;
      size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos)
        return Status::error(where + "[" + std::to_string(i) + "] is " + describeJson(entry) +
                             ", expected two tokens with one space between them");
      left = text.substr(0, space);
      right = text.substr(space + 1);
    } else {
      return Status::error(where + "[" + std::to_string(i) + "] is " + describeJson(entry) +
                           ", expected a string or a pair of strings");
    }
    auto leftId = vocab.find(left), rightId = vocab.find(right), mergedId = vocab.find(left + right);
    if (leftId == vocab.end() || rightId == vocab.end() || mergedId == vocab.end())
      return Status::error(where + "[" + std::to_string(i) + "] uses '" +
                           (leftId == vocab.end()    ? left
                            : rightId == vocab.end() ? right
                                                     : left + right) +
                           "', which is not in the vocabulary");
    insertMerge(pairKey(leftId->second, rightId->second), rank++, mergedId->second);
  }
  return {};
}

// A pair that occurs twice keeps the later rank, as in the reference.
void BpeModel::insertMerge(uint64_t pair, uint32_t rank, int32_t merged) {
  size_t mask = merges.size() - 1, slot = hashPair(pair) & mask;
  while (merges[slot].pair != UINT64_MAX && merges[slot].pair != pair)
    slot = (slot + 1) & mask;
  merges[slot] = {pair, rank, merged};
}

const BpeModel::Merge *BpeModel::findMerge(int32_t left, int32_t right) const {
  uint64_t pair = pairKey(left, right);
  size_t mask = merges.size() - 1;
  for (size_t slot = hashPair(pair) & mask; merges[slot].pair != UINT64_MAX; slot = (slot + 1) & mask) {
    if (merges[slot].pair == pair)
      return &merges[slot];
  }
  return nullptr;
}

// One symbol for each byte. A byte without a token becomes the unknown token, or vanishes where there is none.
void BpeModel::startWord(std::string_view word, Scratch &scratch) const {
  auto &symbols = scratch.symbols;
  symbols.clear();
  bool afterUnknown = false;
  for (char c : word) {
    int32_t id = byteIds[uint8_t(c)];
    bool unknown = id < 0;
    if (unknown)
      id = unknownId;
    if (id < 0 || (unknown && afterUnknown && fuseUnknown))
      continue;
    afterUnknown = unknown;
    int32_t index = int32_t(symbols.size());
    if (index > 0)
      symbols.back().next = index;
    symbols.push_back({id, index - 1, -1});
  }
}

// Of two candidates, the one to be merged later comes first in the heap's order: higher rank, then further right.
static bool isLater(const BpeModel::Scratch::Candidate &a, const BpeModel::Scratch::Candidate &b) {
  return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
}

// Queues the merge of symbol `left` with its right neighbour, if there is one.
void BpeModel::pushCandidate(int32_t left, Scratch &scratch) const {
  if (left < 0 || scratch.symbols[left].next < 0)
    return;
  const Merge *merge = findMerge(scratch.symbols[left].id, scratch.symbols[scratch.symbols[left].next].id);
  if (!merge)
    return;
  scratch.queue.push_back({merge->rank, uint32_t(left), merge->merged});
  std::push_heap(scratch.queue.begin(), scratch.queue.end(), isLater);
}

void BpeModel::encode(std::string_view word, Scratch &scratch, std::vector<int32_t> &ids) const {
  if (auto it = wholeWords.empty() ? wholeWords.end() : wholeWords.find(std::string(word)); it != wholeWords.end()) {
    ids.push_back(it->second);
    return;
  }
  startWord(word, scratch);
  auto &symbols = scratch.symbols;
  auto &queue = scratch.queue;
  queue.clear();
  for (size_t i = 0; i + 1 < symbols.size(); ++i)
    pushCandidate(int32_t(i), scratch);
  while (!queue.empty()) {
    Scratch::Candidate best = queue.front();
    std::pop_heap(queue.begin(), queue.end(), isLater);
    queue.pop_back();
    // The pair may have changed since it was queued. A symbol that was merged away has the id -1.
    Scratch::Symbol &left = symbols[best.left];
    if (left.id < 0 || left.next < 0)
      continue;
    Scratch::Symbol &right = symbols[left.next];
    const Merge *merge = findMerge(left.id, right.id);
    if (!merge || merge->rank != best.rank)
      continue;
    left.id = best.merged;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0)
      symbols[left.next].previous = int32_t(best.left);
    pushCandidate(left.previous, scratch);
    pushCandidate(int32_t(best.left), scratch);
  }
  // The first symbol is never merged away.
  for (int32_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next)
    ids.push_back(symbols[i].id);
}

} // namespace dsrt
