/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAPMETER_UTIL_NOTIFY_H
#define TAPMETER_UTIL_NOTIFY_H
/* Tells the service manager that started us how far we are: the protocol of sd_notify(3). */

/*
 * Says READY=1. `address` is the value of NOTIFY_SOCKET: the path of a datagram socket, or '@' and
 * an abstract name. 0; also if `address` is NULL: nobody wants to know. -EINVAL: no such address;
 * -errno of sending.
 */
int notify_ready(const char *address);

#endif
