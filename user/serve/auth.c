/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/auth.h"
#include <crypt.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGEST_LEN 32 /* SHA-256 */
#define MAX_CREDENTIALS 1024 /* bytes of "user:password", in base64 */
#define REMEMBERED 64
#define NOBODY "$2b$10$abcdefghijklmnopqrstuu" /* cost and salt for users that there are not */

struct verdict {
	uint8_t digest[DIGEST_LEN]; /* of the credentials */
	bool good;
	bool used;
};

struct auth {
	const struct web_user *users;
	size_t user_count;
	uint8_t key[DIGEST_LEN]; /* of the digests; made anew at each start */
	pthread_mutex_t lock; /* of what follows; held while a hash is computed */
	struct verdict verdicts[REMEMBERED];
	size_t next; /* the one to be replaced */
	struct crypt_data crypt;
};

int auth__new(const struct web_user *users, size_t count, struct auth **out)
{
	struct auth *auth = calloc(1, sizeof(*auth));

	if (!auth)
		return -ENOMEM;
	auth->users = users;
	auth->user_count = count;
	if (gnutls_rnd(GNUTLS_RND_KEY, auth->key, sizeof(auth->key))) {
		free(auth);
		return -EIO;
	}
	pthread_mutex_init(&auth->lock, NULL);
	*out = auth;
	return 0;
}

void auth__free(struct auth *auth)
{
	if (!auth)
		return;
	pthread_mutex_destroy(&auth->lock);
	explicit_bzero(auth, sizeof(*auth));
	free(auth);
}

/* "user" NUL "password" NUL out of the header's value; false if it is none. Free *out, wiped. */
static bool decode(const char *authorization, gnutls_datum_t *out)
{
	static const char scheme[] = "Basic ";
	gnutls_datum_t base64;
	char *text, *colon;

	if (!authorization || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
		return false;
	authorization += sizeof(scheme) - 1;
	authorization += strspn(authorization, " ");
	base64 = (gnutls_datum_t){ (unsigned char *)authorization,
				   (unsigned)strnlen(authorization, MAX_CREDENTIALS) };
	if (base64.size == MAX_CREDENTIALS || gnutls_base64_decode2(&base64, out))
		return false;
	text = realloc(out->data, out->size + 1);
	if (!text) {
		gnutls_free(out->data);
		return false;
	}
	text[out->size] = '\0';
	out->data = (unsigned char *)text;
	colon = memchr(text, ':', out->size);
	if (!colon || memchr(text, '\0', out->size)) {
		explicit_bzero(text, out->size);
		free(text);
		return false;
	}
	*colon = '\0';
	return true;
}

static const char *hash_of(const struct auth *auth, const char *user)
{
	const char *hash = NULL;

	for (size_t i = 0; i < auth->user_count; i++)
		if (!strcmp(auth->users[i].name, user))
			hash = auth->users[i].hash;
	return hash;
}

/* The same time for any two hashes of a length. */
static bool equal(const char *a, const char *b)
{
	size_t len = strlen(a);

	return strlen(b) == len && !gnutls_memcmp(a, b, len);
}

/* Under the lock. */
static bool compute(struct auth *auth, const char *user, const char *password)
{
	const char *hash = hash_of(auth, user);
	/* not crypt_r(): AddressSanitizer has one of its own, by which libcrypt is not linked */
	const char *computed =
		crypt_rn(password, hash ? hash : NOBODY, &auth->crypt, (int)sizeof(auth->crypt));
	bool good = hash && computed && equal(hash, computed);

	explicit_bzero(&auth->crypt, sizeof(auth->crypt));
	return good;
}

/* Under the lock. */
static bool judge(struct auth *auth, const gnutls_datum_t *credentials)
{
	const char *user = (const char *)credentials->data;
	uint8_t digest[DIGEST_LEN];
	struct verdict *verdict;

	if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, auth->key, sizeof(auth->key), credentials->data,
			     credentials->size, digest))
		return false;
	for (size_t i = 0; i < REMEMBERED; i++) {
		verdict = &auth->verdicts[i];
		if (verdict->used && !gnutls_memcmp(verdict->digest, digest, DIGEST_LEN))
			return verdict->good;
	}
	verdict = &auth->verdicts[auth->next];
	auth->next = (auth->next + 1) % REMEMBERED;
	verdict->good = compute(auth, user, user + strlen(user) + 1);
	verdict->used = true;
	memcpy(verdict->digest, digest, DIGEST_LEN);
	return verdict->good;
}

bool auth__check(struct auth *auth, const char *authorization)
{
	gnutls_datum_t credentials;
	bool good;

	if (!decode(authorization, &credentials))
		return false;
	pthread_mutex_lock(&auth->lock);
	good = judge(auth, &credentials);
	pthread_mutex_unlock(&auth->lock);
	explicit_bzero(credentials.data, credentials.size);
	free(credentials.data);
	return good;
}
