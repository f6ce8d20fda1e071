# Written by `python bench/minimax.py --wide`; do not edit. The polynomials of polynomials.pxd over the vectors of
# vectors.pxd, in the same order of operations.
from frankentorch._ext.vectors cimport vf, vd, all_vf, all_vd, fma_vf, fma_vd


cdef inline vf poly_exp_vf(vf x) noexcept nogil:
    cdef vf p = all_vf(0.0013930504210293293)
    p = fma_vf(p, x, all_vf(0.008363251574337482))
    p = fma_vf(p, x, all_vf(0.041666511446237564))
    p = fma_vf(p, x, all_vf(0.16666576266288757))
    p = fma_vf(p, x, all_vf(0.5))
    return p


cdef inline vf poly_exp2_vf(vf x) noexcept nogil:
    cdef vf p = all_vf(0.00015453876403626055)
    p = fma_vf(p, x, all_vf(0.0013388069346547127))
    p = fma_vf(p, x, all_vf(0.009618083015084267))
    p = fma_vf(p, x, all_vf(0.05550365895032883))
    p = fma_vf(p, x, all_vf(0.24022650718688965))
    p = fma_vf(p, x, all_vf(0.6931471824645996))
    return p


cdef inline vf poly_log_vf(vf x) noexcept nogil:
    cdef vf p = all_vf(0.07146716862916946)
    p = fma_vf(p, x, all_vf(-0.11566142737865448))
    p = fma_vf(p, x, all_vf(0.1166025921702385))
    p = fma_vf(p, x, all_vf(-0.12411833554506302))
    p = fma_vf(p, x, all_vf(0.14250193536281586))
    p = fma_vf(p, x, all_vf(-0.16668443381786346))
    p = fma_vf(p, x, all_vf(0.20000694692134857))
    p = fma_vf(p, x, all_vf(-0.24999989569187164))
    p = fma_vf(p, x, all_vf(0.3333333134651184))
    return p


cdef inline vf poly_tanh_vf(vf x) noexcept nogil:
    cdef vf p = all_vf(0.0001563250698382035)
    p = fma_vf(p, x, all_vf(-0.0009740179521031678))
    p = fma_vf(p, x, all_vf(0.003282178658992052))
    p = fma_vf(p, x, all_vf(-0.008755062706768513))
    p = fma_vf(p, x, all_vf(0.021852776408195496))
    p = fma_vf(p, x, all_vf(-0.05396824702620506))
    p = fma_vf(p, x, all_vf(0.13333354890346527))
    p = fma_vf(p, x, all_vf(-0.3333333432674408))
    return p


cdef inline vf poly_erf_vf(vf x) noexcept nogil:
    cdef vf p = all_vf(7.919901690911502e-05)
    p = fma_vf(p, x, all_vf(-0.000803065428044647))
    p = fma_vf(p, x, all_vf(0.005190725903958082))
    p = fma_vf(p, x, all_vf(-0.026855124160647392))
    p = fma_vf(p, x, all_vf(0.11283618211746216))
    p = fma_vf(p, x, all_vf(-0.3761262893676758))
    p = fma_vf(p, x, all_vf(0.12837916612625122))
    return p


cdef inline vf poly_erfc_log_vf(vf x) noexcept nogil:
    cdef vf p = all_vf(-1.613882886886131e-06)
    p = fma_vf(p, x, all_vf(4.558762884698808e-05))
    p = fma_vf(p, x, all_vf(-0.0005927488091401756))
    p = fma_vf(p, x, all_vf(0.004740145988762379))
    p = fma_vf(p, x, all_vf(-0.026364557445049286))
    p = fma_vf(p, x, all_vf(0.10997805744409561))
    p = fma_vf(p, x, all_vf(0.6319372057914734))
    p = fma_vf(p, x, all_vf(1.1301666498184204))
    p = fma_vf(p, x, all_vf(-0.0003032129898201674))
    return p


cdef inline vf poly_sin_vf(vf x) noexcept nogil:
    cdef vf p = all_vf(-0.00019583641551434994)
    p = fma_vf(p, x, all_vf(0.008332716301083565))
    p = fma_vf(p, x, all_vf(-0.166666641831398))
    return p


cdef inline vf poly_cos_vf(vf x) noexcept nogil:
    cdef vf p = all_vf(2.454368041071575e-05)
    p = fma_vf(p, x, all_vf(-0.0013888271059840918))
    p = fma_vf(p, x, all_vf(0.0416666641831398))
    return p


cdef inline vf poly_normal_tail_vf(vf x) noexcept nogil:
    cdef vf p = all_vf(5.359362330636941e-05)
    p = fma_vf(p, x, all_vf(0.0001151387405116111))
    p = fma_vf(p, x, all_vf(-0.00033977237762883306))
    p = fma_vf(p, x, all_vf(-0.0009834601078182459))
    p = fma_vf(p, x, all_vf(0.0029048174619674683))
    p = fma_vf(p, x, all_vf(0.006132006645202637))
    p = fma_vf(p, x, all_vf(-0.04621335491538048))
    p = fma_vf(p, x, all_vf(0.12322503328323364))
    p = fma_vf(p, x, all_vf(-0.20640261471271515))
    p = fma_vf(p, x, all_vf(0.12151394784450531))
    return p


cdef inline vd poly_exp_vd(vd x) noexcept nogil:
    cdef vd p = all_vd(2.0916361711998637e-09)
    p = fma_vd(p, x, all_vd(2.5105421026898544e-08))
    p = fma_vd(p, x, all_vd(2.755726893977339e-07))
    p = fma_vd(p, x, all_vd(2.7557254801642484e-06))
    p = fma_vd(p, x, all_vd(2.480158733000073e-05))
    p = fma_vd(p, x, all_vd(0.00019841269875426533))
    p = fma_vd(p, x, all_vd(0.0013888888888882163))
    p = fma_vd(p, x, all_vd(0.008333333333325893))
    p = fma_vd(p, x, all_vd(0.04166666666666667))
    p = fma_vd(p, x, all_vd(0.1666666666666667))
    p = fma_vd(p, x, all_vd(0.5))
    return p


cdef inline vd poly_log_vd(vd x) noexcept nogil:
    cdef vd p = all_vd(0.13286357053099185)
    p = fma_vd(p, x, all_vd(0.13246727417662724))
    p = fma_vd(p, x, all_vd(0.15387213018013057))
    p = fma_vd(p, x, all_vd(0.1818177375695628))
    p = fma_vd(p, x, all_vd(0.22222222655192173))
    p = fma_vd(p, x, all_vd(0.28571428569175183))
    p = fma_vd(p, x, all_vd(0.40000000000005315))
    p = fma_vd(p, x, all_vd(0.6666666666666666))
    return p
