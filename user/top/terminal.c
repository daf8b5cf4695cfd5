/* SPDX-License-Identifier: Apache-2.0 */
#include "top/terminal.h"
#include <errno.h>
#include <ncurses.h>
/* its macros have names such as `columns`: only here */
#include <term.h>
#include <unistd.h>

int terminal_check(void)
{
	int status, err = 0;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	if (setupterm(NULL, STDOUT_FILENO, &status) == ERR)
		return -ENODEV;
	if (!tigetstr("cup"))
		err = -ENODEV;
	del_curterm(cur_term);
	return err;
}
