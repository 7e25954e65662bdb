#include "runtime/weights/SafetensorsReader.h"

#include <algorithm>
#include <cstring>

namespace dsrt {

// As in the reference implementation; a header of this size describes about a million tensors.
static constexpr uint64_t maxHeaderBytes = 100'000'000;

// Sorted by position, the tensors must follow one another without overlap or gap and end with the file.
static Status checkTiling(const std::vector<SafetensorsEntry> &entries, uint64_t dataBytes, const std::string &file) {
  std::vector<const SafetensorsEntry *> order;
  for (const SafetensorsEntry &entry : entries)
    order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](auto *a, auto *b) {
    return a->begin != b->begin ? a->begin < b->begin : a->end < b->end; // empty tensors first
  });
  uint64_t position = 0;
  const SafetensorsEntry *previous = nullptr;
  for (const SafetensorsEntry *entry : order) {
    if (entry->end > dataBytes)
      return Status::error(file + ": tensor '" + entry->name + "' ends at byte " + std::to_string(entry->end) +
                           " of the data, which has " + std::to_string(dataBytes) + ": truncated file");
    if (entry->begin < position)
      return Status::error(file + ": tensor '" + entry->name + "' overlaps tensor '" + previous->name + "'");
    if (entry->begin > position)
      return Status::error(file + ": " + std::to_string(entry->begin - position) + " bytes before tensor '" +
                           entry->name + "' belong to no tensor");
    position = entry->end;
    previous = entry;
  }
  if (position != dataBytes)
    return Status::error(file + ": " + std::to_string(dataBytes - position) +
                         " bytes after the last tensor belong to no tensor");
  return Status();
}

StatusOr<std::vector<SafetensorsEntry>> readSafetensorsEntries(std::span<const std::byte> bytes,
                                                               const std::string &file, size_t &dataStart) {
  uint64_t headerBytes = 0;
  if (bytes.size() < sizeof(headerBytes))
    return Status::error(file + " has " + std::to_string(bytes.size()) + " bytes, too few for a safetensors file");
  std::memcpy(&headerBytes, bytes.data(), sizeof(headerBytes));
  uint64_t rest = bytes.size() - sizeof(headerBytes);
  if (headerBytes > maxHeaderBytes || headerBytes > rest)
    return Status::error(file + ": its header should have " + std::to_string(headerBytes) +
                         " bytes, expected at most " + std::to_string(std::min(maxHeaderBytes, rest)) +
                         ": truncated, or not a safetensors file");
  std::string_view header(reinterpret_cast<const char *>(bytes.data()) + sizeof(headerBytes), headerBytes);
  if (header.empty() || header[0] != '{')
    return Status::error(file + " is not a safetensors file: its header does not start with '{'");
  DSRT_ASSIGN_OR_RETURN(auto entries, parseSafetensorsHeader(header, file));
  DSRT_RETURN_IF_ERROR(checkTiling(entries, rest - headerBytes, file));
  dataStart = sizeof(headerBytes) + headerBytes;
  return entries;
}

StatusOr<SafetensorsReader> SafetensorsReader::open(const std::string &path) {
  DSRT_ASSIGN_OR_RETURN(MappedFile file, MappedFile::open(path));
  SafetensorsReader reader(std::move(file));
  DSRT_ASSIGN_OR_RETURN(reader.entries, readSafetensorsEntries(reader.file.bytes(), path, reader.dataStart));
  for (size_t i = 0; i < reader.entries.size(); ++i)
    reader.byName.emplace(reader.entries[i].name, i);
  return reader;
}

const SafetensorsEntry *SafetensorsReader::find(const std::string &name) const {
  auto it = byName.find(name);
  return it == byName.end() ? nullptr : &entries[it->second];
}

std::span<const std::byte> SafetensorsReader::data(const SafetensorsEntry &entry) const {
  return file.bytes().subspan(dataStart + entry.begin, entry.end - entry.begin);
}

} // namespace dsrt
