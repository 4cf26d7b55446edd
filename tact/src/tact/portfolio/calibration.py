"""What a real portfolio taught: the numbers the generator draws from.

Figures derived by `dev/calibrate.py` from "Default of Credit Card Clients", I-Cheng Yeh, UCI Machine
Learning Repository, doi 10.24432/C55S3H: 30,000 card clients of a bank in Taiwan, April to September 2005
(CC BY 4.0 as UCI states it). None of its records is here, and its personal traits (sex, education, marriage,
age) were not read. What the file cannot tell (it has no due dates and no payment dates) is marked (house).
"""

from __future__ import annotations

from typing import Final

#: Client-months by instalments missed at the end of one month (row) and of the next (column): 0, 1, 2, 3 or
#: more. The four steps from April to August; a status of 1 or 2 is one missed instalment, n is n - 1. The
#: step to September is left out because its status is coded differently.
ROLL_COUNTS: Final = ((100988, 5242, 0, 0), (3738, 7879, 759, 0), (129, 291, 135, 227), (16, 153, 30, 413))

#: Of the client-months that rolled one worse (from 3 or more: stayed there), by instalments missed before:
#: how many paid something all the same, and how many there were.
PARTIAL_COUNTS: Final = ((1101, 5242), (119, 759), (18, 227), (75, 413))

#: Deciles (0 to 10) of what those paid, in percent of a minimum payment of one twentieth of the statement;
#: only payments below it.
PARTIAL_PERCENT_DECILES: Final = (1, 1, 4, 6, 11, 26, 49, 62, 73, 83, 99)

#: Deciles (0 to 10) of the credit granted, in New Taiwan dollars.
LIMIT_DECILES_TWD: Final = (
    10000,
    30000,
    50000,
    70000,
    100000,
    140000,
    180000,
    210000,
    270000,
    360000,
    1000000,
)

#: (house) New Taiwan dollars to a renminbi, about the rate of 2005.
TWD_PER_CNY: Final = 4

#: (house) Of a thousand instalments that do not roll: paid a few days early, paid a few days late.
EARLY_PER_MILLE: Final = 60
FEW_DAYS_LATE_PER_MILLE: Final = 45

#: (house) Days after the due date on which the few-days-late pay; the early ones pay this much before it.
FEW_DAYS_LATE: Final = (1, 1, 1, 2, 2, 3, 3, 4, 5, 7, 9, 12)
EARLY_DAYS: Final = (1, 2, 3, 5)

#: (house) From how many to how many days after a monthly due date somebody in arrears pays older instalments,
#: by instalments missed: the more are missed, the later the money comes.
CATCH_UP_DAYS: Final = ((1, 22), (0, 12), (2, 18), (4, 22))

#: (house) Of a thousand payments on or after the due date: taken back by the payer's bank and made again.
REVERSED_PER_MILLE: Final = 6
