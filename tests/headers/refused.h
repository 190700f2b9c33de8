/* SPDX-License-Identifier: Apache-2.0 */
/* refused.h - VALUE by TRY_ macro, for refused.c and refused.cc. */
#ifndef OTEL_TEST_REFUSED_H
#define OTEL_TEST_REFUSED_H

#include <wchar.h>

struct foreign {
    int member;
};
extern struct foreign a_struct;
extern void *a_pointer;
extern volatile int *a_volatile_pointer;
extern int *an_int_pointer;
extern char a_char;
void a_function(void);

#if defined TRY_ACCEPTED
#define VALUE "text"
#elif defined TRY_NULL && defined __cplusplus
#define VALUE nullptr
#elif defined TRY_NULL
#define VALUE NULL
#elif defined TRY_CHAR
#define VALUE a_char
#elif defined TRY_VOID_POINTER
#define VALUE a_pointer
#elif defined TRY_VOLATILE_POINTER
#define VALUE a_volatile_pointer
#elif defined TRY_INT_POINTER
#define VALUE an_int_pointer
#elif defined TRY_WIDE_STRING
#define VALUE L"wide"
#elif defined TRY_STRUCT
#define VALUE a_struct
#elif defined TRY_STRUCT_POINTER
#define VALUE &a_struct
#elif defined TRY_FUNCTION
#define VALUE a_function
#elif defined TRY_MEMBER_POINTER
#define VALUE &foreign::member
#endif

#endif
