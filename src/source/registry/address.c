#include "source/registry/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/memory.h"

static bool is_local_v4(uint32_t address)
{
	return address >> 24 == 127 || address >> 24 == 0 || address >> 16 == 0xa9fe;
}

static bool is_local_v6(const struct in6_addr *a)
{
	if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a)) {
		uint32_t v4;
		memcpy(&v4, a->s6_addr + 12, sizeof(v4));
		return IN6_IS_ADDR_LOOPBACK(a) || is_local_v4(ntohl(v4));
	}
	return IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LINKLOCAL(a);
}

bool address_is_local(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	switch (address->sa_family) {
	case AF_INET:
		memcpy(&v4, address, sizeof(v4));
		return is_local_v4(ntohl(v4.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&v6, address, sizeof(v6));
		return is_local_v6(&v6.sin6_addr);
	default:
		return true;
	}
}

bool address_text_is_local(const char *text)
{
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, text, &v4) == 1)
		return is_local_v4(ntohl(v4.s_addr));
	return inet_pton(AF_INET6, text, &v6) == 1 && is_local_v6(&v6);
}

bool address_host_is_local(const char *host)
{
	size_t len = strlen(host);
	_cleanup_free_ char *name = xstrdup(host);
	while (len > 0 && name[len - 1] == '.')
		name[--len] = '\0';
	if (strcasecmp(name, "localhost") == 0 ||
		(len > 10 && strcasecmp(name + len - 10, ".localhost") == 0))
		return true;
	if (name[0] == '[' && name[len - 1] == ']') {
		name[len - 1] = '\0';
		name[strcspn(name, "%")] = '\0';
		return address_text_is_local(name + 1);
	}
	struct in_addr v4; /* also 127.1, 0x7f000001, 2130706433 */
	return inet_aton(name, &v4) != 0 && is_local_v4(ntohl(v4.s_addr));
}
