#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/time.h>

/* Swift cannot see these, because OpenSSL spells them as macros with arguments. */
static inline int martlet_tls_restrict(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    return (int)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
}

static inline long martlet_bio_eof_is_retry(BIO *bio) {
    return BIO_set_mem_eof_return(bio, -1);
}

static inline int martlet_dtls_restrict(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    return SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) && SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION);
}

static inline long martlet_dtls_set_mtu(SSL *connection, long mtu) { return SSL_set_mtu(connection, mtu); }

/* Microseconds until the handshake's timer, or -1 where none runs. */
static inline int64_t martlet_dtls_timeout(SSL *connection) {
    struct timeval left;
    if (DTLSv1_get_timeout(connection, &left) != 1) return -1;
    return (int64_t)left.tv_sec * 1000000 + left.tv_usec;
}

static inline long martlet_dtls_handle_timeout(SSL *connection) { return DTLSv1_handle_timeout(connection); }
static inline X509 *martlet_peer_certificate(SSL *connection) { return SSL_get1_peer_certificate(connection); }
static inline EVP_PKEY *martlet_p256_key(void) { return EVP_EC_gen("P-256"); }
static inline void martlet_bio_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void martlet_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }

/* A cipher that is called without a provider in between, where the library still has that: a provider looks the length
   of the nonce and the tag up by name, for every packet, which costs more than the encryption of a short one. Copying a
   method is deprecated, which a system header may ignore and Swift may not. The copy is never freed. */
static inline const EVP_CIPHER *martlet_direct_cipher(const EVP_CIPHER *cipher) {
#if OPENSSL_VERSION_MAJOR < 4
    const EVP_CIPHER *direct = EVP_CIPHER_meth_dup(cipher);
    if (direct) return direct;
#endif
    return cipher;
}

/* HMAC-SHA-1 with both padded keys hashed beforehand: HMAC() of the library allocates on every call. SHA_CTX is
   deprecated, which a system header may ignore and Swift may not. */
struct martlet_hmac_sha1 { SHA_CTX inner, outer; };

static inline void martlet_hmac_sha1_begin(struct martlet_hmac_sha1 *state, const uint8_t *key, size_t count) {
    uint8_t block[SHA_CBLOCK] = {0};
    memcpy(block, key, count < SHA_CBLOCK ? count : SHA_CBLOCK);
    for (int index = 0; index < SHA_CBLOCK; index++) block[index] ^= 0x36;
    SHA1_Init(&state->inner);
    SHA1_Update(&state->inner, block, sizeof block);
    for (int index = 0; index < SHA_CBLOCK; index++) block[index] ^= 0x36 ^ 0x5c;
    SHA1_Init(&state->outer);
    SHA1_Update(&state->outer, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

static inline void martlet_hmac_sha1_code(const struct martlet_hmac_sha1 *state, const void *first, size_t first_count,
                                          const void *second, size_t second_count, uint8_t code[SHA_DIGEST_LENGTH]) {
    SHA_CTX inner = state->inner, outer = state->outer;
    SHA1_Update(&inner, first, first_count);
    if (second_count) SHA1_Update(&inner, second, second_count);
    SHA1_Final(code, &inner);
    SHA1_Update(&outer, code, SHA_DIGEST_LENGTH);
    SHA1_Final(code, &outer);
}
