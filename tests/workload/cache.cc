/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program with a cache of its own in C++, for docs/profiles.md. It takes commands on stdin:
 *
 *	get N KEY	looks KEY up N times; {"hit": …, "miss": …}
 *	put N KEY SIZE	puts a value of SIZE bytes N times; {"put": N}
 *	quit (or end)	ends the program
 */
#include <cstdio>
#include <map>
#include <string>
#include <unistd.h>

struct Key {
	std::string name;
};

struct Value {
	const char *data;
	size_t size;
};

class Cache {
public:
	bool Get(const Key &key, Value *value) const noexcept;
	int Put(const Key &key, const Value &value) noexcept;

private:
	std::map<std::string, std::string> values_;
};

__attribute__((noinline)) bool Cache::Get(const Key &key, Value *value) const noexcept
{
	auto found = values_.find(key.name);

	if (found == values_.end())
		return false;
	value->data = found->second.data();
	value->size = found->second.size();
	return true;
}

/* 0, or -1 if it is too big. */
__attribute__((noinline)) int Cache::Put(const Key &key, const Value &value) noexcept
{
	if (value.size > 1000)
		return -1;
	values_[key.name] = std::string(value.data, value.size);
	return 0;
}

static void get(const Cache &cache, const Key &key, unsigned long count)
{
	unsigned long hits = 0;

	for (unsigned long i = 0; i < count; i++) {
		Value value{ nullptr, 12345 }; /* what stands there after a miss */

		hits += cache.Get(key, &value);
	}
	printf("{\"hit\": %lu, \"miss\": %lu}\n", hits, count - hits);
}

static void put(Cache &cache, const Key &key, unsigned long count, size_t size)
{
	std::string text(size, 'x');

	for (unsigned long i = 0; i < count; i++)
		cache.Put(key, { text.data(), size });
	printf("{\"put\": %lu}\n", count);
}

int main()
{
	char line[256], what[16], name[128];
	unsigned long count;
	Cache cache;
	size_t size;

	printf("{\"ready\": %d}\n", (int)getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		size = 0;
		if (sscanf(line, "%15s %lu %127s %zu", what, &count, name, &size) < 3)
			break;
		if (what[0] == 'g')
			get(cache, { name }, count);
		else
			put(cache, { name }, count, size);
		fflush(stdout);
	}
	return 0;
}
