#include "scan/names.h"

#include <algorithm>
#include <utility>

namespace nexakey::scan {

void find_in_name(std::string_view name, LeakPart part, const DocumentPlace& place,
                  const std::function<void(FoundLeak)>& receive) {
  find_leaks(name, [&](const Leak& leak) { receive({place, {}, leak, part}); });
}

void find_in_path(const DocumentPlace& place, LeakSink& sink) {
  find_leaks(place.path, [&](const Leak& leak) {
    DocumentPlace named = place;
    named.path.resize(std::min(place.path.find('/', leak.offset), place.path.size()));
    sink.add_name({std::move(named), {}, leak, LeakPart::name});
  });
}

}  // namespace nexakey::scan
