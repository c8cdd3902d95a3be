#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sandbox/fuse/control.h"

static void make_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
}

static void send_devices(int fd)
{
	struct error err = ERROR_INIT;
	struct control_devices devices = { .count = 1 };
	devices.fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_true(devices.fds[0] >= 0);
	assert_int_equal(control_send_devices(fd, &devices, &err), 0);
	close(devices.fds[0]);
}

/* The kernel reports the reset that unread packets cause before the packets that were sent. */
static void test_error_of_a_server_that_left(void **state)
{
	(void)state;
	int pair[2];
	struct error err = ERROR_INIT, status = ERROR_INIT;
	make_pair(pair);
	send_devices(pair[0]);
	error_set(&status, EINVAL, "bad.sqsh is cut short");
	assert_int_equal(control_send_status(pair[1], &status), 0);
	close(pair[1]);
	assert_int_equal(control_receive_status(pair[0], &err), -1);
	assert_int_equal(err.code, EINVAL);
	assert_string_equal(err.message, "bad.sqsh is cut short");
	close(pair[0]);
	error_clear(&status);
	error_clear(&err);
}

static void test_a_server_that_died(void **state)
{
	(void)state;
	for (int unread = 0; unread < 2; unread++) {
		int pair[2];
		struct error err = ERROR_INIT;
		make_pair(pair);
		if (unread)
			send_devices(pair[0]);
		close(pair[1]);
		assert_int_equal(control_receive_status(pair[0], &err), -1);
		assert_int_equal(err.code, EPIPE);
		close(pair[0]);
		error_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_of_a_server_that_left),
		cmocka_unit_test(test_a_server_that_died),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
