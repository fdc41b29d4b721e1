/* SPDX-License-Identifier: MIT */
#include "fixtures.h"
#include "helpers.h"

/* What is left of a packet that did not fit the receive slot: at least its id. */
static void the_id_is_found_in_what_was_cut(void **state)
{
	uint32_t id;

	for (size_t i = 0; i < COUNT(packet_fixtures); i++) {
		const struct packet_fixture *fixture = &packet_fixtures[i];

		for (size_t n = 0; n <= fixture->length; n++) {
			uint8_t *data = exact_copy(fixture->data, n);

			id = 0;
			assert_int_equal(wire_packet_id(data, n, &id),
					 n < 28 ? -EBADMSG : 0);
			assert_int_equal(id, n < 28 ? 0 : fixture->expected.id);
			free(data);
		}
	}
	assert_int_equal(wire_packet_id(ack, sizeof(ack), &id), -EBADMSG);
}

static void no_id_is_found_where_the_first_attribute_is_another(void **state)
{
	uint8_t data[sizeof(ipv4_udp)];
	uint32_t id;

	memcpy(data, ipv4_udp, sizeof(data));
	set_u16(data + 22, WIRE_MARK);
	assert_int_equal(wire_packet_id(data, sizeof(data), &id), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_id_is_found_in_what_was_cut),
		cmocka_unit_test(no_id_is_found_where_the_first_attribute_is_another),
	};

	return cmocka_run_group_tests_name("wire packet id", tests, NULL, NULL);
}
