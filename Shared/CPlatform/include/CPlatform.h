#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

// epoll, eventfd and the accept4 family are awkward or missing in Swift's Glibc module, so each has one function here.
int cplatform_epoll_create(void);
int cplatform_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data);
int cplatform_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t data);
int cplatform_epoll_remove(int epoll, int descriptor);
struct cplatform_event { uint32_t events; uint64_t data; };
int cplatform_epoll_wait(int epoll, struct cplatform_event *events, int capacity, int timeout_milliseconds);
int cplatform_eventfd(void);
void cplatform_thread_name(const char *name);
uint64_t cplatform_monotonic_nanoseconds(void);

// TCP: `address` is a literal IPv4 or IPv6 address; every descriptor is non-blocking and close-on-exec.
// Each returns a descriptor, or -1 with errno set.
int cplatform_listen_tcp(const char *address, uint16_t port, int backlog, bool reuse_port);
int cplatform_connect_tcp(const char *address, uint16_t port);
int cplatform_listen_unix(const char *path, int backlog);
int cplatform_local_port(int descriptor);
// Accepts one connection; writes the peer's address as text, at most `capacity` bytes with the final zero.
int cplatform_accept(int listener, char *address, size_t capacity, uint16_t *port);
// Lets no further connection begin at a listener; those that have begun wait to be accepted. 0, or -1 with errno set.
int cplatform_refuse_connections(int listener);
int cplatform_socket_error(int descriptor);
int cplatform_set_no_delay(int descriptor, bool enabled);
int cplatform_set_keepalive(int descriptor, int idle_seconds, int interval_seconds, int count);
// TCP: what the kernel holds at most that has not been sent yet, and beside it what was sent and may have to be again.
int cplatform_bound_sending(int descriptor, int unsent_bytes, int buffer_bytes);
// TCP: by how many microseconds the round trip is longer than the shortest was; 0 where that is not known.
uint32_t cplatform_path_delay(int descriptor);
// TCP: the bytes that the peer has not confirmed, sent or not; 0 where that is not known.
uint32_t cplatform_unconfirmed_bytes(int descriptor);

// UDP: sockets have no SO_REUSEADDR, because two sockets bound to port 0 could then get the same port.
// IPv6 sockets take IPv6 alone. Buffer sizes are wishes; 0 leaves the system's own.
int cplatform_bind_udp(const char *address, uint16_t port, bool reuse_port, int receive_bytes, int send_bytes);

// The kernel's struct mmsghdr, which its headers hide behind _GNU_SOURCE; a static assertion holds both together.
struct cplatform_datagram { struct msghdr header; unsigned int length; };
// Both return how many datagrams were moved, or -1 with errno set.
int cplatform_receive_datagrams(int descriptor, struct cplatform_datagram *datagrams, unsigned int count);
int cplatform_send_datagrams(int descriptor, struct cplatform_datagram *datagrams, unsigned int count);
// Like the first, but what does not fit into the buffer is dropped and `length` is the whole datagram's.
int cplatform_peek_datagrams(int descriptor, struct cplatform_datagram *datagrams, unsigned int count);
// The room that a segment size takes among the control bytes.
size_t cplatform_segment_control_bytes(void);
// Makes the kernel cut one send into datagrams of `segment` bytes; `control` has the room said above.
void cplatform_set_segment(struct msghdr *header, void *control, uint16_t segment);
// Lets the kernel glue received datagrams of one sender together; 0 on success.
int cplatform_set_receive_offload(int descriptor, bool enabled);
// The length of each glued datagram but the last, or 0 where nothing was glued.
int cplatform_received_segment(struct msghdr *header);

// Writes the addresses of the machine's interfaces that are up, one "<name> <literal>" per line, without link-local
// ones; -1 with errno set.
int cplatform_interface_addresses(char *addresses, size_t capacity);

// Resolves a host name to literal addresses, newline-separated. Blocks: never call it on an event loop.
int cplatform_resolve(const char *host, char *addresses, size_t capacity);

ssize_t cplatform_sendfile(int socket, int file, off_t *offset, size_t count);
int cplatform_syncfs(int descriptor);
long cplatform_resident_bytes(void);
uint64_t cplatform_cpu_microseconds(void);

// Limits a process that decodes what strangers sent: its address space (0: no limit), no core dump, no privileges by
// exec. Returns 0, or -1 with errno set.
int cplatform_confine(size_t address_space);

// CRC-32C (Castagnoli) of `count` bytes, going on from `seed` (0 at the beginning).
uint32_t cplatform_crc32c(uint32_t seed, const void *bytes, size_t count);

#endif
